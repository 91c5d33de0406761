"""CloudFormation's calls that only describe."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.local.aws import ApiError, Json
from pipelines.local.connection import Connection
from pipelines.local.stacks import descriptions, proposals
from pipelines.local.stacks.change_sets import ChangeSet, ChangeSets
from pipelines.local.stacks.errors import refused
from pipelines.local.stacks.record import StackRecord, Stacks
from pipelines.local.stacks.template import read


class Reading:
    """Describes stacks and change sets. All pages are one: no stack here is so large.

    Args:
        stacks: the stacks that are kept.
        change_sets: the change sets that are kept.
        connection: the server, where templates may lie in S3.
    """

    def __init__(self, stacks: Stacks, change_sets: ChangeSets, connection: Connection) -> None:
        self._stacks = stacks
        self._change_sets = change_sets
        self._connection = connection

    def answers(self) -> dict[str, Callable[[Json], Json]]:
        """The calls that this answers, by name."""
        return {
            "DescribeStacks": self._describe_stacks,
            "ListStacks": self._list_stacks,
            "DescribeStackResources": self._describe_resources,
            "DescribeStackResource": self._describe_resource,
            "ListStackResources": self._list_resources,
            "DescribeStackEvents": self._describe_events,
            "GetTemplate": self._get_template,
            "GetTemplateSummary": self._summarise_template,
            "ValidateTemplate": self._validate_template,
            "DescribeChangeSet": lambda request: descriptions.of_change_set(self.change_set(request)),
            "ListChangeSets": self._list_change_sets,
            "ListExports": lambda _: {
                "Exports": [_export(name, each) for name, each in self._stacks.exports().items()]
            },
        }

    def stack(self, name_or_id: str) -> StackRecord:
        """A stack.

        Raises:
            ApiError: there is none.
        """
        found = self._stacks.find(name_or_id)
        if found is None:
            raise refused(f"Stack with id {name_or_id} does not exist")
        return found

    def change_set(self, request: Json) -> ChangeSet:
        """The change set that a request names.

        Raises:
            ApiError: there is none.
        """
        named = request.get("StackName")
        stack = None if named is None else self.stack(named)
        found = self._change_sets.find(request["ChangeSetName"], stack.id if stack else None)
        if found is None:
            raise ApiError("ChangeSetNotFound", f"ChangeSet [{request['ChangeSetName']}] does not exist")
        return found

    def _describe_stacks(self, request: Json) -> Json:
        name = request.get("StackName")
        found = [self.stack(name)] if name else [each for each in self._stacks.all() if each.deleted is None]
        return {"Stacks": [descriptions.of_stack(each) for each in found]}

    def _list_stacks(self, request: Json) -> Json:
        wanted = request.get("StackStatusFilter", [])
        found = [each for each in self._stacks.all() if not wanted or each.status in wanted]
        return {"StackSummaries": [descriptions.summary(each) for each in reversed(found)]}

    def _describe_resources(self, request: Json) -> Json:
        stack, logical_id = self._of_resources(request), request.get("LogicalResourceId")
        found = [each for each in stack.resources.values() if logical_id in (None, each.logical_id)]
        return {"StackResources": [descriptions.of_resource(each, stack) for each in found]}

    def _of_resources(self, request: Json) -> StackRecord:
        physical_id = request.get("PhysicalResourceId")
        if physical_id is None:
            return self.stack(request.get("StackName", ""))
        for stack in self._stacks.all():
            if stack.deleted is None and any(each.physical_id == physical_id for each in stack.resources.values()):
                return stack
        raise refused(f"Stack for {physical_id} does not exist")

    def _describe_resource(self, request: Json) -> Json:
        stack, name = self.stack(request["StackName"]), request["LogicalResourceId"]
        if name not in stack.resources:
            raise refused(f"Resource {name} does not exist for stack {stack.name}")
        found = descriptions.of_resource(stack.resources[name], stack)
        return {"StackResourceDetail": {**found, "LastUpdatedTimestamp": found.pop("Timestamp")}}

    def _list_resources(self, request: Json) -> Json:
        resources = self.stack(request["StackName"]).resources.values()
        return {"StackResourceSummaries": [descriptions.of_resource(each) for each in resources]}

    def _describe_events(self, request: Json) -> Json:
        stack = self.stack(request["StackName"])
        return {"StackEvents": [descriptions.of_event(each, stack) for each in reversed(stack.events)]}

    def _get_template(self, request: Json) -> Json:
        if "ChangeSetName" in request:
            text = self.change_set(request).template
        else:
            text = self.stack(request.get("StackName", "")).template
        return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}

    def _summarise_template(self, request: Json) -> Json:
        if "StackName" in request:
            template = read(self.stack(request["StackName"]).template)
        else:
            template = read(proposals.template_text(request, self._connection))
        parameters = [
            {"ParameterKey": name, "ParameterType": each.get("Type", "String"), **_default(each)}
            for name, each in template.parameters.items()
        ]
        types = sorted({each["Type"] for each in template.resources.values()})
        return {"Parameters": parameters, "Description": template.description or "", "ResourceTypes": types}

    def _validate_template(self, request: Json) -> Json:
        template = read(proposals.template_text(request, self._connection))
        parameters = [{"ParameterKey": name, **_default(each)} for name, each in template.parameters.items()]
        return {"Parameters": parameters, "Description": template.description or ""}

    def _list_change_sets(self, request: Json) -> Json:
        found = self._change_sets.of(self.stack(request["StackName"]).id)
        return {"Summaries": [descriptions.change_set_summary(each) for each in found]}


def _default(parameter: Json) -> Json:
    names = {"Default": "DefaultValue", "Description": "Description", "NoEcho": "NoEcho"}
    return {names[name]: value for name, value in parameter.items() if name in names}


def _export(name: str, output: Json) -> Json:
    return {"Name": name, "Value": output["OutputValue"], "ExportingStackId": output["ExportingStackId"]}

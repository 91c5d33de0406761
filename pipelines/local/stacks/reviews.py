"""CloudFormation's calls about change sets: propose one, execute it, forget it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from pipelines.local.aws import ACCOUNT, REGION, ApiError, Json
from pipelines.local.connection import Connection
from pipelines.local.stacks import changes, proposals
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.change_sets import NOTHING, ChangeSet, ChangeSets
from pipelines.local.stacks.errors import refused
from pipelines.local.stacks.operations import Operations
from pipelines.local.stacks.parameters import shown
from pipelines.local.stacks.reading import Reading
from pipelines.local.stacks.record import StackRecord, Stacks

_REVIEWED = "REVIEW_IN_PROGRESS"


class Reviews:
    """Answers the calls about change sets that do not only describe.

    Args:
        stacks: the stacks that are kept.
        change_sets: the change sets that are kept.
        operations: carries out what a change set proposes.
        reading: finds stacks and change sets.
        connection: the server, where templates may lie in S3.
    """

    def __init__(
        self,
        stacks: Stacks,
        change_sets: ChangeSets,
        operations: Operations,
        reading: Reading,
        connection: Connection,
    ) -> None:
        self._stacks = stacks
        self._change_sets = change_sets
        self._operations = operations
        self._reading = reading
        self._connection = connection

    def changing(self) -> dict[str, Callable[[Json, Calls], Json]]:
        """The calls that this answers, by name."""
        return {
            "CreateChangeSet": self._create_change_set,
            "ExecuteChangeSet": self._execute,
            "DeleteChangeSet": self._delete_change_set,
        }

    def _create_change_set(self, request: Json, _: Calls) -> Json:
        kind: str = request.get("ChangeSetType", "UPDATE")
        stack = self._stack_to_change(request["StackName"], kind, request)
        text = proposals.template_text(request, self._connection, stack.template)
        found = proposals.proposal(request, text, stack)
        if self._change_sets.find(request["ChangeSetName"], stack.id) is not None:
            raise ApiError("AlreadyExistsException", f"ChangeSet {request['ChangeSetName']} cannot be created.")
        tags = proposals.tags(request) if "Tags" in request else stack.tags
        name = request["ChangeSetName"]
        change_set = ChangeSet(
            name,
            f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/{name}/{uuid4()}",
            stack.id,
            stack.name,
            kind,
            text,
            found.parameters,
            shown(found.template.parameters, found.parameters),
            request.get("Capabilities", []),
            tags,
            request.get("Description"),
            request.get("RoleARN"),
            on_failure=request.get("OnStackFailure", "ROLLBACK"),
        )
        listed = changes.preview(found.template, stack, found.parameters, self._stacks)
        change_set.changes = [each.document() for each in listed]
        if not listed and proposals.same(found, stack, tags):
            change_set.status, change_set.execution, change_set.reason = "FAILED", "UNAVAILABLE", NOTHING
        if not stack.status:
            stack.enter(_REVIEWED, "User Initiated")
            self._stacks.save(stack)
        self._change_sets.save(change_set)
        return {"Id": change_set.id, "StackId": stack.id}

    def _stack_to_change(self, name: str, kind: str, request: Json) -> StackRecord:
        """The stack that a change set is for; one that is to be created has no status yet."""
        if kind == "UPDATE":
            return proposals.updatable(self._stacks, name)
        if kind != "CREATE":
            raise refused(f"The embedded SageMaker does not know change sets of the type {kind}.")
        proposals.check_name(name)
        present = self._stacks.find(name)
        if present is None:
            return StackRecord(name, tags=proposals.tags(request))
        if present.status != _REVIEWED:
            text = f"already exists and cannot be created again with the changeSet [{request['ChangeSetName']}]"
            raise refused(f"Stack [{name}] {text}")
        return present

    def _execute(self, request: Json, calls: Calls) -> Json:
        change_set = self._reading.change_set(request)
        if change_set.execution != "AVAILABLE":
            text = f"cannot be executed in its current execution status of [{change_set.execution}]"
            raise ApiError("InvalidChangeSetStatus", f"ChangeSet [{change_set.id}] {text}")
        stack = self._reading.stack(change_set.stack_id)
        stack.tags, stack.capabilities, stack.role = change_set.tags, change_set.capabilities, change_set.role
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in change_set.parameters.items()]
        consent = {"Parameters": given, "Capabilities": change_set.capabilities}
        found = proposals.proposal(consent, change_set.template)
        change_set.execution = "EXECUTE_IN_PROGRESS"
        self._change_sets.save(change_set)
        if change_set.kind == "CREATE":
            stack.rolls_back = change_set.on_failure != "DO_NOTHING" and not request.get("DisableRollback", False)
            self._operations.create(stack, found.template, found.parameters, calls)
            if stack.status == "ROLLBACK_COMPLETE" and change_set.on_failure == "DELETE":
                self._operations.delete(stack, (), calls)
        else:
            self._operations.update(stack, found.template, found.parameters, calls)
        self._change_sets.forget_all(stack.id)
        return {}

    def _delete_change_set(self, request: Json, _: Calls) -> Json:
        change_set = self._reading.change_set(request)
        self._change_sets.forget(change_set)
        return {}

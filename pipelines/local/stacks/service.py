"""CloudFormation's calls that change stacks; `reading.py` has those that describe them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from uuid import uuid4

from pipelines.local.aws import ACCOUNT, REGION, ApiError, Json
from pipelines.local.connection import Connection
from pipelines.local.gateway import Route
from pipelines.local.stacks import changes, proposals
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.change_sets import NOTHING, ChangeSet, ChangeSets
from pipelines.local.stacks.errors import refused
from pipelines.local.stacks.operations import Operations
from pipelines.local.stacks.parameters import shown
from pipelines.local.stacks.protocol import Answer, route
from pipelines.local.stacks.reading import Reading
from pipelines.local.stacks.record import StackRecord, Stacks
from pipelines.local.stacks.template import read
from pipelines.local.store import Store

_UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
_REVIEWED = "REVIEW_IN_PROGRESS"


class CloudFormation:
    """Answers CloudFormation's calls; one that changes a stack is answered when the change has come to its end.

    Args:
        connection: the server, which makes the resources.
        store: keeps the stacks.
    """

    def __init__(self, connection: Connection, store: Store) -> None:
        self._connection = connection
        self._stacks = Stacks(store)
        self._change_sets = ChangeSets(store)
        self._operations = Operations(self._stacks)
        self._reading = Reading(self._stacks, self._change_sets, connection)
        self._lock = threading.Lock()  # one change at a time

    def routes(self) -> Sequence[Route]:
        """The paths that are answered here."""
        changing: dict[str, Callable[[Json, Calls], Json]] = {
            "CreateStack": self._create,
            "UpdateStack": self._update,
            "DeleteStack": self._delete,
            "CreateChangeSet": self._create_change_set,
            "ExecuteChangeSet": self._execute,
            "DeleteChangeSet": self._delete_change_set,
            "UpdateTerminationProtection": self._protect,
        }
        answers: dict[str, Answer] = {name: self._locked(change) for name, change in changing.items()}
        reading: dict[str, Answer] = {name: _anybody(read) for name, read in self._reading.answers().items()}
        return (route({**answers, **reading}),)

    def mend(self) -> None:
        """See to the stacks that were being changed when the last server ended."""
        self._operations.mend()

    def _locked(self, change: Callable[[Json, Calls], Json]) -> Answer:
        def answer(request: Json, key: str) -> Json:
            with self._lock:
                return change(request, Calls(self._connection.signed_with(key)))

        return answer

    def _create(self, request: Json, calls: Calls) -> Json:
        name: str = request["StackName"]
        proposals.check_name(name)
        if self._stacks.find(name) is not None:
            raise ApiError("AlreadyExistsException", f"Stack [{name}] already exists")
        found = proposals.proposal(request, proposals.template_text(request, self._connection))
        kept = request.get("DisableRollback", False) or request.get("OnFailure") == "DO_NOTHING"
        stack = StackRecord(
            name,
            tags=proposals.tags(request),
            capabilities=request.get("Capabilities", []),
            protected=request.get("EnableTerminationProtection", False),
            rolls_back=not kept,
            role=request.get("RoleARN"),
        )
        proposals.check_evaluation(found, stack, self._stacks)
        self._operations.create(stack, found.template, found.parameters, calls)
        if stack.status == "ROLLBACK_COMPLETE" and request.get("OnFailure") == "DELETE":
            self._operations.delete(stack, (), calls)
        return {"StackId": stack.id}

    def _update(self, request: Json, calls: Calls) -> Json:
        stack = self._updatable(request["StackName"])
        text = proposals.template_text(request, self._connection, stack.template)
        found = proposals.proposal(request, text, stack)
        tags = proposals.tags(request) if "Tags" in request else stack.tags
        if not changes.preview(found.template, stack, found.parameters, self._stacks) and _same(found, stack, tags):
            raise refused("No updates are to be performed.")
        stack.tags, stack.capabilities = tags, request.get("Capabilities", [])
        self._operations.update(stack, found.template, found.parameters, calls)
        return {"StackId": stack.id}

    def _delete(self, request: Json, calls: Calls) -> Json:
        stack = self._stacks.find(request["StackName"])
        if stack is None or stack.deleted is not None:
            return {}  # as on AWS, what is not there is deleted well
        if stack.protected:
            raise refused(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        self._operations.delete(stack, request.get("RetainResources", []), calls)
        if stack.deleted is not None:
            self._change_sets.forget_all(stack.id)
        return {}

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
        if not listed and _same(found, stack, tags):
            change_set.status, change_set.execution, change_set.reason = "FAILED", "UNAVAILABLE", NOTHING
        if not stack.status:
            stack.enter(_REVIEWED, "User Initiated")
            self._stacks.save(stack)
        self._change_sets.save(change_set)
        return {"Id": change_set.id, "StackId": stack.id}

    def _stack_to_change(self, name: str, kind: str, request: Json) -> StackRecord:
        """The stack that a change set is for; one that is to be created has no status yet."""
        if kind == "UPDATE":
            return self._updatable(name)
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

    def _protect(self, request: Json, _: Calls) -> Json:
        stack = self._reading.stack(request["StackName"])
        stack.protected = request["EnableTerminationProtection"]
        self._stacks.save(stack)
        return {"StackId": stack.id}

    def _updatable(self, name: str) -> StackRecord:
        stack = self._stacks.find(name)
        if stack is None or stack.deleted is not None:
            raise refused(f"Stack [{name}] does not exist")
        if stack.status not in _UPDATABLE:
            raise refused(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
        return stack


def _anybody(read: Callable[[Json], Json]) -> Answer:
    """An answer that is the same whoever asks."""
    return lambda request, _: read(request)


def _same(found: proposals.Proposal, stack: StackRecord, tags: dict[str, str]) -> bool:
    """Whether nothing of a stack would change, not even what resources do not show."""
    if not stack.template:
        return False
    before, after = read(stack.template), found.template
    return (before.resources, before.outputs, stack.parameters, stack.tags) == (
        after.resources,
        after.outputs,
        found.parameters,
        tags,
    )

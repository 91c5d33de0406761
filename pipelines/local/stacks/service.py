"""CloudFormation's calls that change stacks; `reading.py` has those that describe them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from pipelines.local.aws import ApiError, Json
from pipelines.local.connection import Connection
from pipelines.local.gateway import Route
from pipelines.local.stacks import changes, proposals
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.change_sets import ChangeSets
from pipelines.local.stacks.errors import refused
from pipelines.local.stacks.operations import Operations
from pipelines.local.stacks.protocol import Answer, route
from pipelines.local.stacks.reading import Reading
from pipelines.local.stacks.record import StackRecord, Stacks
from pipelines.local.stacks.reviews import Reviews
from pipelines.local.store import Store


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
        self._reviews = Reviews(self._stacks, self._change_sets, self._operations, self._reading, connection)
        self._lock = threading.Lock()  # one change at a time

    def routes(self) -> Sequence[Route]:
        """The paths that are answered here."""
        changing: dict[str, Callable[[Json, Calls], Json]] = {
            "CreateStack": self._create,
            "UpdateStack": self._update,
            "DeleteStack": self._delete,
            **self._reviews.changing(),
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
        stack = proposals.updatable(self._stacks, request["StackName"])
        text = proposals.template_text(request, self._connection, stack.template)
        found = proposals.proposal(request, text, stack)
        tags = proposals.tags(request) if "Tags" in request else stack.tags
        if not changes.preview(found.template, stack, found.parameters, self._stacks) and proposals.same(
            found, stack, tags
        ):
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

    def _protect(self, request: Json, _: Calls) -> Json:
        stack = self._reading.stack(request["StackName"])
        stack.protected = request["EnableTerminationProtection"]
        self._stacks.save(stack)
        return {"StackId": stack.id}


def _anybody(read: Callable[[Json], Json]) -> Answer:
    """An answer that is the same whoever asks."""
    return lambda request, _: read(request)

"""Makes, changes and deletes one resource of a stack, and notes each step as an event."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.local.aws import ApiError, Json, shorten
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.catalog import kind_of
from pipelines.local.stacks.errors import ResourceError
from pipelines.local.stacks.kinds import Kind, Wanted, tags_of
from pipelines.local.stacks.record import ResourceRecord, StackRecord, Stacks

_LONGEST_REASON = 1000
_SUFFIX = 12  # characters that CloudFormation ends names with which it makes up
# What a service refuses, and what becomes of properties that are missing or of another form than the API's.
_REFUSALS = (ClientError, BotoCoreError, ResourceError, ApiError, AttributeError, KeyError, TypeError, ValueError)


class StepError(Exception):
    """One resource could not be made, changed or deleted; the message names it and says why."""


class Maker:
    """Works on the resources of one stack.

    Args:
        stack: kept after every step.
        stacks: keeps it.
        calls: makes the calls.
    """

    def __init__(self, stack: StackRecord, stacks: Stacks, calls: Calls) -> None:
        self._stack = stack
        self._stacks = stacks
        self._calls = calls

    def make(self, record: ResourceRecord) -> None:
        """Make a resource and enter it in the stack; one that is made in part is entered too.

        Raises:
            StepError: it cannot be made.
        """
        kind = kind_of(record.type)
        self._stack.resources[record.logical_id] = record
        self.note(record, "CREATE_IN_PROGRESS")
        wanted = self._wanted(kind, record, record.properties)
        with self.explained(record, "CREATE_FAILED"):
            made = kind.create(self._calls, wanted)
            record.physical_id, record.attributes = made.physical_id, made.attributes
            self.note(record, "CREATE_IN_PROGRESS", "Resource creation Initiated")
            if kind.settle is not None:
                kind.settle(self._calls, made, wanted, {})
        self.note(record, "CREATE_COMPLETE")

    def change(self, record: ResourceRecord, before: Json, after: Json) -> None:
        """Bring a resource from some properties to others.

        Raises:
            StepError: it cannot be done; some of it may have been.
        """
        kind = kind_of(record.type)
        self.note(record, "UPDATE_IN_PROGRESS")
        with self.explained(record, "UPDATE_FAILED"):
            if kind.settle is not None:
                kind.settle(self._calls, record.made, self._wanted(kind, record, after), before)
        record.properties = after
        self.note(record, "UPDATE_COMPLETE")

    def delete(self, record: ResourceRecord) -> None:
        """Delete a resource, or what there is of it.

        Raises:
            StepError: it cannot be deleted.
        """
        self.note(record, "DELETE_IN_PROGRESS")
        if record.physical_id:
            with self.explained(record, "DELETE_FAILED"):
                kind_of(record.type).delete(self._calls, record.made, record.properties)
        self.note(record, "DELETE_COMPLETE")

    def note(self, record: ResourceRecord, status: str, reason: str = "") -> None:
        """Give a resource a status."""
        self._stack.note(record, status, reason)
        self._stacks.save(self._stack)

    @contextmanager
    def explained(self, record: ResourceRecord, status: str) -> Iterator[None]:
        """Have what is refused within the block become an event of the resource.

        Raises:
            StepError: something was refused.
        """
        try:
            yield
        except _REFUSALS as error:
            reason = shorten(_reason(error), _LONGEST_REASON)
            self.note(record, status, reason)
            raise StepError(f"[{record.logical_id}] {reason}") from error

    def _wanted(self, kind: Kind, record: ResourceRecord, properties: Json) -> Wanted:
        name = properties.get(kind.named) if kind.named else None
        of_stack = {
            **self._stack.tags,
            "aws:cloudformation:logical-id": record.logical_id,
            "aws:cloudformation:stack-id": self._stack.id,
            "aws:cloudformation:stack-name": self._stack.name,
        }
        token = f"{self._stack.id.rpartition('/')[2]}-{record.logical_id}"
        made_up = _make_up_name(kind, self._stack.name, record.logical_id)
        return Wanted(name or made_up, properties, tags_of(properties, of_stack), token)


def _make_up_name(kind: Kind, stack: str, logical_id: str) -> str:
    suffix = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(_SUFFIX))
    room = kind.longest_name - len(suffix) - 1
    stem = f"{stack}-{logical_id}" if kind.named_by_stack else logical_id
    name = f"{stem[:room].rstrip('-')}-{suffix}"
    return name.lower() if kind.lower_case else name


def _reason(error: BaseException) -> str:
    """Why a resource failed, in the words of the service where it has any."""
    if isinstance(error, ClientError):
        refusal = error.response["Error"]
        return f"{refusal.get('Message') or error} (Service: {error.operation_name}, Code: {refusal.get('Code')})"
    if isinstance(error, KeyError):
        return f"#: required key [{error.args[0]}] not found"
    if isinstance(error, AttributeError | TypeError):
        return f"A property has another form than the type's: {error}"
    return str(error)

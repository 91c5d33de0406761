"""What is kept of a stack: its template, its parameters, its resources, what happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from uuid import uuid4

from pipelines.local.aws import ACCOUNT, REGION, Json, now
from pipelines.local.stacks.kinds import Made
from pipelines.local.store import Store

_STACK = "stack"  # kind of document in the store
_MOST_EVENTS = 1000  # that are kept of a stack, the latest
_STACK_TYPE = "AWS::CloudFormation::Stack"


@dataclass
class ResourceRecord:
    """A resource of a stack.

    Attributes:
        logical_id: in the template.
        type: as in `AWS::S3::Bucket`.
        physical_id: the resource itself; empty as long as there is none.
        attributes: for `Fn::GetAtt`.
        properties: that it was given last.
        needs: logical IDs of the resources that it depends on.
        status: CloudFormation's.
        reason: why that.
        changed: when, in epoch seconds.
        deletion: DeletionPolicy.
        replacement: UpdateReplacePolicy.
    """

    logical_id: str
    type: str
    physical_id: str = ""
    attributes: Json = field(default_factory=dict)
    properties: Json = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)
    status: str = ""
    reason: str = ""
    changed: float = 0.0
    deletion: str = "Delete"
    replacement: str = "Delete"

    @property
    def made(self) -> Made:
        """The resource itself."""
        return Made(self.physical_id, self.attributes)

    def attribute(self, name: str) -> Any:
        """What `Fn::GetAtt` gives; the attributes of what has no effect are made up."""
        return self.attributes.get(name, f"{self.physical_id}.{name}")


@dataclass
class StackRecord:
    """A stack.

    Attributes:
        name: unique among the stacks that there are.
        id: its ARN.
        status: CloudFormation's.
        reason: why that.
        template: its text; empty before the first change set is executed.
        parameters: their values.
        tags: by key.
        capabilities: that its last change was granted.
        resources: by logical ID, in the order in which they were made.
        outputs: as descriptions show them.
        events: the latest last.
        created, changed, deleted: in epoch seconds.
        protected: whether it may not be deleted.
        rolls_back: whether a creation that fails is undone.
        role: that the stack's calls should be made with, if one was named.
    """

    name: str
    id: str = ""
    status: str = ""
    reason: str = ""
    template: str = ""
    description: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    shown_parameters: list[Json] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    resources: dict[str, ResourceRecord] = field(default_factory=dict)
    outputs: list[Json] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    created: float = field(default_factory=now)
    changed: float | None = None
    deleted: float | None = None
    protected: bool = False
    rolls_back: bool = True
    role: str | None = None

    def __post_init__(self) -> None:
        self.id = self.id or f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{self.name}/{uuid4()}"

    def enter(self, status: str, reason: str = "") -> None:
        """Give the stack a status, which is an event."""
        self.status, self.reason = status, reason
        self._happened(self.name, self.id, _STACK_TYPE, status, reason, {})

    def note(self, resource: ResourceRecord, status: str, reason: str = "") -> None:
        """Give a resource a status, which is an event."""
        resource.status, resource.reason, resource.changed = status, reason, now()
        self._happened(resource.logical_id, resource.physical_id, resource.type, status, reason, resource.properties)

    def _happened(
        self, logical_id: str, physical_id: str, resource_type: str, status: str, reason: str, properties: Json
    ) -> None:
        event = {
            "EventId": f"{logical_id}-{status}-{uuid4()}",
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": physical_id,
            "ResourceProperties": properties,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "ResourceType": resource_type,
            "Timestamp": now(),
        }
        self.events = [*self.events, event][-_MOST_EVENTS:]


class Stacks:
    """The stacks that are kept.

    Args:
        store: where.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, stack: StackRecord) -> None:
        """Keep a stack as it is now."""
        self._store.put(_STACK, stack.id, asdict(stack))

    def all(self) -> list[StackRecord]:
        """Every stack, also those that were deleted, in the order of their creation."""
        return [_read(document) for document in self._store.all(_STACK)]

    def find(self, name_or_id: str) -> StackRecord | None:
        """The stack of an ID, or the one of a name that is not deleted."""
        if name_or_id.startswith("arn:"):
            document = self._store.get(_STACK, name_or_id)
            return None if document is None else _read(document)
        return next((each for each in self.all() if each.name == name_or_id and each.deleted is None), None)

    def exports(self) -> dict[str, Json]:
        """The outputs that stacks export, by the names of the exports."""
        return {
            output["ExportName"]: {**output, "ExportingStackId": stack.id}
            for stack in self.all()
            if stack.deleted is None
            for output in stack.outputs
            if "ExportName" in output
        }


def _read(document: Mapping[str, Any]) -> StackRecord:
    known = {each.name for each in fields(StackRecord)}
    resources = {name: ResourceRecord(**each) for name, each in document["resources"].items()}
    return StackRecord(**{**{name: document[name] for name in known if name in document}, "resources": resources})

"""What CloudFormation knows of a type of resource: the calls that make, change and delete one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.local.aws import Json
from pipelines.local.stacks.calls import Calls


@dataclass(frozen=True)
class Wanted:
    """A resource as the template wants it.

    Attributes:
        name: the one that it has or is to have.
        properties: evaluated.
        tags: of the resource and its stack, by key.
        token: tells this making of a resource from any other.
    """

    name: str
    properties: Json
    tags: Mapping[str, str] = field(default_factory=dict)
    token: str = ""

    def get(self, name: str, default: Any = None) -> Any:
        """One of its properties."""
        return self.properties.get(name, default)

    def some(self, *names: str) -> Json:
        """Those of its properties that have these names."""
        return {name: self.properties[name] for name in names if name in self.properties}

    def but(self, *names: str) -> Json:
        """All of its properties but those of these names, and the tags."""
        return {name: value for name, value in self.properties.items() if name not in {*names, "Tags"}}

    @property
    def tag_list(self) -> list[Json]:
        """The tags as most APIs want them."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]


@dataclass(frozen=True)
class Made:
    """A resource that there is.

    Attributes:
        physical_id: its physical ID, which `Ref` gives.
        attributes: what `Fn::GetAtt` gives, by name.
    """

    physical_id: str
    attributes: Json = field(default_factory=dict)


Create = Callable[[Calls, Wanted], Made]
Update = Callable[[Calls, Made, Wanted, Json], None]
Delete = Callable[[Calls, Made, Json], None]


@dataclass(frozen=True)
class Kind:
    """A type of resource.

    Attributes:
        create: makes one, by one call: when it returns there is something that `delete` can delete.
        delete: deletes one, given the properties it has; one that is gone already is deleted well.
        settle: does what is left to be done after `create`, and brings one that there is to what is wanted; it is given
            the properties before. None where every change makes another resource.
        fixed: properties whose change makes another resource.
        named: the property that holds its name.
        longest_name: characters of a name that is made up for it.
        lower_case: whether that name has small letters alone.
        named_by_stack: whether that name begins with the stack's, as nearly all do.
    """

    create: Create
    delete: Delete
    settle: Update | None = None
    fixed: frozenset[str] = frozenset()
    named: str | None = None
    longest_name: int = 64
    lower_case: bool = False
    named_by_stack: bool = True

    def replaces(self, before: Json, after: Json) -> bool:
        """Whether the change from some properties to others makes another resource."""
        if self.settle is None:
            return True
        fixed = self.fixed | ({self.named} if self.named else set())
        return any(before.get(name) != after.get(name) for name in fixed)


def changed(before: Json, after: Json) -> list[str]:
    """The names of the properties that differ."""
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def tags_of(properties: Json, of_stack: Mapping[str, str]) -> dict[str, str]:
    """The tags of a resource and its stack; templates write them as a list or as an object."""
    own = properties.get("Tags") or {}
    if isinstance(own, list):
        own = {tag["Key"]: tag["Value"] for tag in own}
    return {**of_stack, **{str(key): str(value) for key, value in own.items()}}

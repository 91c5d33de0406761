"""What a change set would do to a stack, in words."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

VERBS = {"Add": "add", "Remove": "remove", "Import": "take up"}


@dataclass(frozen=True)
class Change:
    """What happens to one resource.

    Attributes:
        verb: add, change, replace, remove or take up.
        name: of the resource in the template.
        kind: its type, such as AWS::S3::Bucket.
        properties: that change.
        kept: whether what is removed from the stack stays in the account.
    """

    verb: str
    name: str
    kind: str
    properties: tuple[str, ...] = ()
    kept: bool = False

    @property
    def loses(self) -> bool:
        """Whether something that is there will be gone."""
        return self.verb in ("replace", "remove") and not self.kept

    def __str__(self) -> str:
        """The change as one line."""
        told = f"{self.verb:<8} {self.name} ({self.kind})"
        if self.properties:
            told = f"{told}: {', '.join(self.properties)}"
        return f"{told}; it stays in the account" if self.kept else told


def in_words(changes: Iterable[Change]) -> Iterator[str]:
    """A line for each change, but one for all that is added: a new stack is nothing but that."""
    added = []
    for change in changes:
        if change.verb == "add":
            added.append(change.name)
        else:
            yield str(change)
    if added:
        yield f"{'add':<8} {', '.join(added)}"


def read_changes(described: Iterable[dict[str, Any]]) -> list[Change]:
    """The changes of a described change set, those that lose something first.

    A replacement that depends on another resource's new value, which CloudFormation calls conditional, is told as a
    change: nothing of the stack that holds data has one.
    """
    found = [_read(each["ResourceChange"]) for each in described if "ResourceChange" in each]
    return sorted(found, key=lambda change: (not change.loses, change.verb, change.name))


def _read(change: dict[str, Any]) -> Change:
    replaced = change["Action"] == "Modify" and change.get("Replacement") == "True"
    verb = "replace" if replaced else VERBS.get(change["Action"], "change")
    properties = {detail.get("Target", {}).get("Name") for detail in change.get("Details", [])}
    return Change(
        verb=verb,
        name=change["LogicalResourceId"],
        kind=change["ResourceType"],
        properties=tuple(sorted(filter(None, properties))) if verb in ("change", "replace") else (),
        kept="Retain" in change.get("PolicyAction", ""),
    )

"""The steps of a definition, out of the branches of its conditions, and which of them have only another name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.diff.leaves import same

ALWAYS = "in every execution"
BRANCHES = {"IfSteps": "if {} finds its conditions met", "ElseSteps": "if {} finds its conditions not met"}


@dataclass(frozen=True)
class Step:
    """A step by itself.

    Attributes:
        body: its definition, without its name and without the steps of its branches.
        place: when it runs, in words.
    """

    body: dict[str, Any]
    place: str

    def is_like(self, other: "Step") -> bool:
        """Whether the other step does the same at the same time."""
        return self.place == other.place and same(self.body, other.body)


def flattened(steps: Any) -> dict[str, Step] | None:
    """All steps by name, those in branches too, in order; None where two have one name, or one has none."""
    try:
        found = list(_walk(steps, ALWAYS))
        named = dict(found)
    except (TypeError, KeyError, AttributeError):
        return None
    return named if len(named) == len(found) and all(isinstance(name, str) for name in named) else None


def renamed(before: Mapping[str, Step], after: Mapping[str, Step]) -> dict[str, str]:
    """New names by old ones, of the steps that are the same in all else; what others call them counts as the same."""
    gone = [name for name in before if name not in after]
    come = [name for name in after if name not in before]
    found: dict[str, str] = {}
    for old in gone:
        for new in come:
            names = {**found, old: new}
            if new not in found.values() and with_names({old: before[old]}, names)[new].is_like(after[new]):
                found = names
                break
    return found


def with_names(steps: Mapping[str, Step], names: Mapping[str, str]) -> dict[str, Step]:
    """The steps under other names, wherever they are named: references, dependencies and places."""
    if not names:
        return dict(steps)
    return {
        names.get(name, name): Step(_called(step.body, names), _placed(step.place, names))
        for name, step in steps.items()
    }


def _walk(steps: Any, place: str) -> Iterator[tuple[Any, Step]]:
    for step in steps:
        arguments = step.get("Arguments", {})
        branches = BRANCHES if step.get("Type") == "Condition" else {}
        own = {name: value for name, value in arguments.items() if name not in branches}
        body = {name: value for name, value in step.items() if name != "Name"}
        yield step["Name"], Step({**body, "Arguments": own} if "Arguments" in body else body, place)
        for branch, when in branches.items():
            yield from _walk(arguments.get(branch, []), when.format(step["Name"]))


def _called(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            field: [names.get(entry, entry) if isinstance(entry, str) else entry for entry in item]
            if field == "DependsOn" and isinstance(item, list)
            else _reference(item, names)
            if field == "Get"
            else _called(item, names)
            for field, item in value.items()
        }
    return [_called(item, names) for item in value] if isinstance(value, list) else value


def _reference(reference: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(reference, str) or not reference.startswith("Steps."):
        return reference
    _, name, *rest = reference.split(".", 2)
    return ".".join(["Steps", names.get(name, name), *rest])


def _placed(place: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        for when in BRANCHES.values():
            if place == when.format(old):
                return when.format(new)
    return place

"""Where two JSON documents differ: the smallest parts that do, each with its path."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

NAMES = ("Name", "InputName", "OutputName", "ChannelName", "PropertyFileName", "VariantName", "Key")
"""Fields by which the entries of AWS's lists are known; such entries are compared by name, whatever their order."""

EXPRESSIONS = ("Get", "Std:Join", "Std:JsonGet")
"""What a value that is known only in an execution looks like; it is compared as a whole."""


class Absent:
    """Stands for what a document does not have."""


class Order:
    """Stands for entries that are the same in both documents, but in another order."""


ABSENT: Final = Absent()
ORDER: Final = Order()


@dataclass(frozen=True)
class Change:
    """A part that differs.

    Attributes:
        path: names of fields and entries from the document down to the part.
        old: what it was; ABSENT where it is new.
        new: what it is; ABSENT where it is gone; ORDER in both where only the order is another.
    """

    path: tuple[str, ...]
    old: Any
    new: Any


def canonical(value: Any) -> str:
    """Text that is the same for the same JSON; 1, 1.0 and true are three things."""
    return json.dumps(value, sort_keys=True)


def same(old: Any, new: Any) -> bool:
    """Whether two JSON values are the same; the order of an object's fields means nothing."""
    return canonical(old) == canonical(new)


def changes(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[Change]:
    """The parts in which two JSON documents differ; none when they are the same."""
    if same(old, new):
        return
    before, after = _parts(old, path), _parts(new, path)
    if before is None or after is None:
        yield Change(path, old, new)
        return
    found = list(_between(before, after, path))
    yield from found or [Change(path, ORDER, ORDER)]


def is_expression(value: Any) -> bool:
    """Whether a value is known only in an execution."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in EXPRESSIONS


def by_name(entries: Any) -> dict[str, Any] | None:
    """The entries of a list by their names; None when it is no list, or not all have a name of their own."""
    if not isinstance(entries, list) or not entries:
        return None
    named = {name: entry for entry in entries if (name := _name(entry)) is not None}
    return named if len(named) == len(entries) else None


def _between(old: Mapping[str, Any], new: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Change]:
    for name in dict.fromkeys([*old, *new]):
        if name not in old or name not in new:
            yield Change((*path, name), old.get(name, ABSENT), new.get(name, ABSENT))
        else:
            yield from changes(old[name], new[name], (*path, name))


def _parts(value: Any, path: tuple[str, ...]) -> Mapping[str, Any] | None:
    """What `value` is made of, by name; None when it is compared as a whole."""
    if isinstance(value, dict):
        return None if is_expression(value) else value
    if path and path[-1] == "ContainerArguments":
        return _arguments(value)
    return by_name(value)


def _arguments(value: Any) -> Mapping[str, Any] | None:
    """Values of a command line by the names before them, where it is made of `--name value` alone."""
    if not isinstance(value, list) or len(value) % 2:
        return None
    names, values = value[::2], value[1::2]
    if not all(isinstance(name, str) and name.startswith("--") for name in names) or len(set(names)) < len(names):
        return None
    return dict(zip(names, values, strict=True))


def _name(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return None
    return next((entry[field] for field in NAMES if isinstance(entry.get(field), str)), None)

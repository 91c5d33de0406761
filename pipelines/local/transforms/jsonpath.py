"""The part of JSONPath that SageMaker's batch transform knows, for InputFilter and OutputFilter.

The source is "Associate Prediction Results with Input Records" in the SageMaker developer guide: `$`, `.name`, `*`,
`['name','other']`, `[0,-1]` and `[start:end]`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_STEP = re.compile(r"""\.(?P<name>[A-Za-z_][\w-]*|\*)|\[(?P<inside>(?:'[^']*'|"[^"]*"|[^\]'"])*)\]""")
_ITEM = re.compile(
    r"""\s*(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<from>(?:-?\d+)?):(?P<to>(?:-?\d+)?)|(?P<index>-?\d+))\s*"""
)


class JsonPathError(ValueError):
    """An expression that is none, or that finds nothing in a record; the message says which."""


@dataclass(frozen=True)
class _Step:
    """One step down: to names of an object, to items of a list, or to everything."""

    names: tuple[str, ...] = ()
    items: tuple[int | slice, ...] = ()

    def take(self, value: Any) -> Any:
        """What the step finds: the value where it names one, else an object or a list of those it names."""
        if self.names:
            found = {name: _member(value, name) for name in self.names}
            return found if len(self.names) > 1 else found[self.names[0]]
        if not self.items:
            return list(value.values()) if isinstance(value, dict) else _list(value)
        if len(self.items) == 1 and isinstance(self.items[0], int):
            return _items(_list(value), self.items[0])[0]
        return [found for item in self.items for found in _items(_list(value), item)]


@dataclass(frozen=True)
class JsonPath:
    """A parsed expression.

    Attributes:
        text: the expression.
    """

    text: str
    _steps: tuple[_Step, ...]

    @classmethod
    def parse(cls, text: str) -> JsonPath:
        """Read an expression such as `$`, `$[1:]` or `$['id','SageMakerOutput']`.

        Raises:
            JsonPathError: it is not one, or uses what SageMaker does not support.
        """
        if not text.startswith("$"):
            raise JsonPathError(f"The JSONPath '{text}' does not begin with '$'.")
        steps, position = [], 1
        while position < len(text):
            match = _STEP.match(text, position)
            if match is None:
                raise JsonPathError(f"The JSONPath '{text}' cannot be read from '{text[position:]}' on.")
            name, inside = match["name"], match["inside"]
            if name == "*" or inside == "*":
                steps.append(_Step())
            else:
                steps.append(_Step((name,)) if name else _bracket(inside, text))
            position = match.end()
        return cls(text, tuple(steps))

    @property
    def is_everything(self) -> bool:
        """Whether it is `$`, which changes nothing."""
        return not self._steps

    def find(self, record: Any) -> Any:
        """What the expression selects of a record.

        Raises:
            JsonPathError: the record has no such part.
        """
        for step in self._steps:
            try:
                record = step.take(record)
            except (KeyError, IndexError, TypeError) as error:
                raise JsonPathError(f"The JSONPath '{self.text}' finds nothing in a record.") from error
        return record


def _bracket(inside: str, text: str) -> _Step:
    names: list[str] = []
    items: list[int | slice] = []
    position = 0
    while True:
        match = _ITEM.match(inside, position)
        if match is None:
            raise JsonPathError(f"'[{inside}]' in the JSONPath '{text}' is neither names nor indexes.")
        if match["index"]:
            items.append(int(match["index"]))
        elif match["from"] is not None:
            items.append(slice(*(int(end) if end else None for end in (match["from"], match["to"]))))
        else:
            names.append(match["single"] or match["double"] or "")
        position = match.end()
        if position == len(inside):
            break
        if inside[position] != ",":
            raise JsonPathError(f"'[{inside}]' in the JSONPath '{text}' is neither names nor indexes.")
        position += 1
    if names and items:
        raise JsonPathError(f"'[{inside}]' in the JSONPath '{text}' mixes names and indexes.")
    return _Step(tuple(names), tuple(items))


def _member(value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        raise TypeError(name)
    return value[name]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _items(values: list[Any], item: int | slice) -> list[Any]:
    return values[item] if isinstance(item, slice) else [values[item]]

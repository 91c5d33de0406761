"""Looks into JSON of any form: what is not there, or not of the expected kind, is simply not found."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def at(value: Any, path: str) -> Any:
    """The value at a path such as `NetworkConfig.EnableNetworkIsolation`; None where there is none."""
    return next((found for _, found in find(value, path)), None)


def find(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value at a path such as `Outputs[].S3Output.S3Uri`, after the path with its indices.

    `[]` stands for each item of a list.
    """
    yield from _walk([("", value)], path.split("."))


def objects(value: Any, path: str) -> list[Json]:
    """The objects in the list at a path."""
    return [item for _, item in find(value, f"{path}[]") if isinstance(item, dict)]


def mapping(value: Any, path: str) -> Json:
    """The object at a path; an empty one where there is none."""
    found = at(value, path)
    return found if isinstance(found, dict) else {}


def whole(value: Any) -> int | None:
    """A value as a whole number; None where it is none, which truth values are not."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _walk(found: list[tuple[str, Any]], names: list[str]) -> Iterator[tuple[str, Any]]:
    for part in names:
        name = part.removesuffix("[]")
        found = [
            (f"{where}.{name}".lstrip("."), value[name])
            for where, value in found
            if isinstance(value, dict) and name in value
        ]
        if part.endswith("[]"):
            found = [
                (f"{where}[{index}]", item)
                for where, value in found
                if isinstance(value, list)
                for index, item in enumerate(value)
            ]
    yield from found

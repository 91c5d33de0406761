"""Checks a request against botocore's own model of the SageMaker API, as the service would."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from pipelines.local.aws import Json, invalid, shorten

Skip = Callable[[Any], bool]

_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, datetime),
}
_WORDS = {"structure": "an object", "map": "an object", "list": "a list", "string": "a string"}


@functools.cache
def service() -> ServiceModel:
    """Botocore's model of SageMaker; reading it takes about a tenth of a second."""
    return botocore.session.get_session().get_service_model("sagemaker")


def check(action: str, request: Json) -> None:
    """Check a call's input.

    Raises:
        ApiError: a ValidationException that lists every problem found, as AWS words them.
    """
    found = list(problems(input_shape(action), request))
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
        raise invalid(f"{count}: " + "; ".join(found[:10]))


def input_shape(action: str) -> StructureShape:
    """The shape of an action's input."""
    shape = service().operation_model(action).input_shape
    if shape is None:
        raise ValueError(f"{action} takes no input")
    return shape


def output_shape(action: str) -> StructureShape:
    """The shape of an action's output."""
    shape = service().operation_model(action).output_shape
    if shape is None:
        raise ValueError(f"{action} answers nothing")
    return shape


def problems(
    shape: Shape,
    value: Any,
    *,
    skip: Skip = lambda _: False,
    optional: frozenset[str] = frozenset(),
    path: str = "",
) -> Iterator[str]:
    """Yield a sentence for each way in which `value` is not of `shape`.

    Args:
        shape: botocore's description of what is expected.
        value: parsed JSON.
        skip: tells the values that cannot be judged yet, such as a pipeline's expressions.
        optional: members of the outermost structure which may be missing although AWS requires them.
        path: where in the request `value` stands.
    """
    if skip(value):
        return
    if not _is_of_type(shape, value):
        word = _WORDS.get(shape.type_name, f"of type {shape.type_name}")
        yield f"'{path or 'request'}' must be {word}, not {_say(value)}"
    elif isinstance(shape, StructureShape):
        yield from _structure(shape, value, skip, optional, path)
    elif isinstance(shape, ListShape):
        yield from _size(shape, len(value), "length", path, value)
        for index, item in enumerate(value):
            yield from problems(shape.member, item, skip=skip, path=f"{path}[{index}]")
    elif isinstance(shape, MapShape):
        yield from _size(shape, len(value), "length", path, value)
        for key, item in value.items():
            yield from problems(shape.key, key, path=f"{path} (key '{shorten(key, 60)}')")
            yield from problems(shape.value, item, skip=skip, path=f"{path}['{shorten(key, 60)}']")
    else:
        yield from _scalar(shape, value, path)


def _is_of_type(shape: Shape, value: Any) -> bool:
    expected = _TYPES.get(shape.type_name, (object,))
    if isinstance(value, bool):  # which Python takes for an integer
        return bool in expected or object in expected
    return isinstance(value, expected)


def _structure(shape: StructureShape, value: Json, skip: Skip, optional: frozenset[str], path: str) -> Iterator[str]:
    prefix = f"{path}." if path else ""
    for name in shape.required_members:
        if name not in value and name not in optional:
            yield f"'{prefix}{name}' is required"
    for name, item in value.items():
        member = shape.members.get(name)
        if member is None:
            yield f"'{prefix}{shorten(name, 60)}' is not a known field; known are {', '.join(shape.members)}"
        else:
            yield from problems(member, item, skip=skip, path=f"{prefix}{name}")


def _scalar(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str):
        yield from _size(shape, len(value), "length", path, value)
        pattern = _pattern(shape.metadata.get("pattern"))
        if pattern is not None and not pattern.fullmatch(value):
            yield f"{_say(value)} at '{path}' must match the pattern {pattern.pattern}"
        allowed = shape.metadata.get("enum")
        if allowed and value not in allowed:
            yield f"{_say(value)} at '{path}' must be one of {shorten(', '.join(allowed), 300)}"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _size(shape, value, "value", path, value)


def _size(shape: Shape, size: float, what: str, path: str, value: Any) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{_say(value)} at '{path}' must have a {what} of at least {least}"
    if most is not None and size > most:
        yield f"{_say(value)} at '{path}' must have a {what} of at most {most}"


@functools.cache
def _pattern(text: str | None) -> re.Pattern[str] | None:
    """A pattern of AWS's model, or None for the few written in Java's dialect alone."""
    try:
        return re.compile(text) if text else None
    except re.error:
        return None


def _say(value: Any) -> str:
    return shorten(f"'{value}'" if isinstance(value, str) else repr(value), 100)

"""Pipeline expressions: `Get`, `Std:Join`, `Std:JsonGet`, wherever they stand in a step's arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from pipelines.local.aws import shorten
from pipelines.local.definitions.paths import PathError, look_up, parse

EXECUTION_VARIABLES = frozenset(
    {
        "PipelineExecutionId",
        "PipelineExecutionArn",
        "PipelineName",
        "PipelineArn",
        "StartDateTime",
        "CurrentDateTime",
    }
)
_FORMS = ("Get", "Std:Join", "Std:JsonGet")
_STEP = re.compile(r"(?P<step>[^.\[\]]+)(?P<path>[.\[].*)", re.DOTALL)
_PROPERTY_FILE = re.compile(r"Steps\.(?P<step>[^.\[\]]+)\.PropertyFiles\.(?P<file>.+)", re.DOTALL)


class ExpressionError(Exception):
    """An expression that is not one, or that has no value; the message names it."""


@dataclass(frozen=True)
class Reference:
    """What an expression refers to.

    Attributes:
        kind: `parameter`, `execution`, `step` or `file` (a property file).
        name: of the parameter, the execution variable or the step.
        path: into the step's properties, or the name of its property file.
    """

    kind: str
    name: str
    path: str = ""


class Scope(Protocol):
    """Where the values of references come from. Each raises ExpressionError where there is none."""

    def parameter(self, name: str) -> Any:
        """The value of a parameter."""

    def execution(self, name: str) -> str:
        """The value of an execution variable."""

    def properties(self, step: str) -> Any:
        """What the step's Describe call answers."""

    def property_file(self, step: str, name: str) -> bytes:
        """The content of a property file."""

    def document(self, uri: str) -> bytes:
        """The content of an object in S3."""


def is_expression(value: Any) -> bool:
    """Whether a value is computed when the pipeline runs."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _FORMS


def parse_reference(text: Any) -> Reference:
    """Read the text of a Get.

    Raises:
        ExpressionError: it refers to nothing that pipelines know.
    """
    if isinstance(text, str):
        file = _PROPERTY_FILE.fullmatch(text)
        if file:
            return Reference("file", file["step"], file["file"])
        root, _, rest = text.partition(".")
        if root == "Parameters" and rest:
            return Reference("parameter", rest)
        if root == "Execution" and rest in EXECUTION_VARIABLES:
            return Reference("execution", rest)
        step = _STEP.fullmatch(rest) if root == "Steps" else None
        if step:
            _path(step["path"].removeprefix("."))
            return Reference("step", step["step"], step["path"].removeprefix("."))
    raise ExpressionError(
        f"{_say(text)} is not a reference: use Parameters.<name>, Steps.<step>.<property>, or Execution. with "
        f"one of {', '.join(sorted(EXECUTION_VARIABLES))}."
    )


def references(value: Any) -> Iterator[Reference]:
    """Yield every reference inside a value, at any depth.

    Raises:
        ExpressionError: an expression in it is malformed.
    """
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict) and not is_expression(value):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, dict):
        form, body = next(iter(value.items()))
        if form == "Get":
            yield parse_reference(body)
        elif form == "Std:Join":
            yield from references(_join_values(body))
        else:
            source, _ = _json_source(body)
            yield from references(source)


def resolve(value: Any, scope: Scope) -> Any:
    """Replace every expression inside a value by what it stands for.

    Raises:
        ExpressionError: an expression is malformed or has no value.
    """
    if isinstance(value, list):
        return [resolve(item, scope) for item in value]
    if not isinstance(value, dict):
        return value
    if not is_expression(value):
        return {key: resolve(item, scope) for key, item in value.items()}
    form, body = next(iter(value.items()))
    if form == "Get":
        return _get(body, scope)
    if form == "Std:Join":
        return _join(body, scope)
    return _json_get(body, scope)


def as_text(value: Any) -> str:
    """A value as Std:Join writes it: text as it is, all else as in JSON."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _get(text: Any, scope: Scope) -> Any:
    reference = parse_reference(text)
    if reference.kind == "parameter":
        return scope.parameter(reference.name)
    if reference.kind == "execution":
        return scope.execution(reference.name)
    if reference.kind == "file":
        raise ExpressionError(f"{_say(text)} can only stand inside a Std:JsonGet.")
    try:
        return look_up(scope.properties(reference.name), reference.path)
    except PathError as error:
        raise ExpressionError(f"The reference {_say(text)} has no value: {error}") from error


def _join(body: Any, scope: Scope) -> str:
    return str(body["On"]).join(as_text(resolve(item, scope)) for item in _join_values(body))


def _join_values(body: Any) -> list[Any]:
    if not isinstance(body, dict) or set(body) != {"On", "Values"}:
        raise ExpressionError(f"Std:Join takes On and Values, not {_say(body)}.")
    if not isinstance(body["On"], str) or not isinstance(body["Values"], list):
        raise ExpressionError(f"Std:Join takes a string On and a list Values, not {_say(body)}.")
    return body["Values"]


def _json_get(body: Any, scope: Scope) -> Any:
    source, path = _json_source(body)
    if "PropertyFile" in body:
        reference = parse_reference(source["Get"])
        label = f"property file '{reference.path}' of step '{reference.name}'"
        content = scope.property_file(reference.name, reference.path)
    else:
        label = as_text(resolve(source, scope))
        content = scope.document(label)
    try:
        value = look_up(json.loads(content), path)
    except (ValueError, RecursionError) as error:
        raise ExpressionError(f"The {label} is not JSON: {error}.") from error
    except PathError as error:
        raise ExpressionError(f"In the {label}, {error}") from error
    if isinstance(value, (dict, list)):
        raise ExpressionError(f"In the {label}, '{path}' is no single value but {_say(value)}.")
    return value


def _json_source(body: Any) -> tuple[Any, str]:
    """The part of a JsonGet that says which document, and the path into it."""
    if isinstance(body, dict) and set(body) in ({"PropertyFile", "Path"}, {"S3Uri", "Path"}):
        source, path = body.get("PropertyFile", body.get("S3Uri")), body["Path"]
        if isinstance(path, str):
            _path(path)
            if "S3Uri" in body:
                return source, path
            if _is_file(source):
                return source, path
    raise ExpressionError(
        'Std:JsonGet takes a Path and a PropertyFile like {"Get": "Steps.<step>.PropertyFiles.<name>"}, '
        f"or a Path and an S3Uri, not {_say(body)}."
    )


def _is_file(source: Any) -> bool:
    return is_expression(source) and "Get" in source and parse_reference(source["Get"]).kind == "file"


def _path(text: str) -> None:
    try:
        parse(text)
    except PathError as error:
        raise ExpressionError(str(error)) from error


def _say(value: Any) -> str:
    return f"'{shorten(as_text(value), 120)}'"

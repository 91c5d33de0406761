"""Pipeline parameters: their declaration, and the values that an execution is started with."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipelines.local.aws import invalid, shorten

Value = str | int | float | bool
ParameterType = Literal["String", "Integer", "Float", "Boolean"]

_INTEGER = re.compile(r"[+-]?\d{1,19}")


class Parameter(BaseModel):
    """A declared parameter, in the spelling of a pipeline definition."""

    model_config = ConfigDict(frozen=True, strict=True)

    name: str = Field(alias="Name", pattern=r"^[A-Za-z0-9_\-]{1,256}$")
    type: ParameterType = Field(alias="Type")
    default: Any = Field(None, alias="DefaultValue")
    choices: list[Any] | None = Field(None, alias="EnumValues", min_length=1)

    def check(self) -> None:
        """Check that default and choices are of the declared type.

        Raises:
            ApiError: one is not.
        """
        for value in [*(self.choices or []), *([] if self.default is None else [self.default])]:
            if not _IS[self.type](value):
                raise invalid(f"The parameter '{self.name}' is declared {self.type}, but {value!r} is none.")
        if self.default is not None:
            self._choose(self.default)

    def read(self, text: str) -> Value:
        """Read a value as StartPipelineExecution gives it: as text, whatever the type.

        Raises:
            ApiError: the text is not of the declared type, or not one of the choices.
        """
        try:
            value = _READ[self.type](text)
        except ValueError as error:
            raise invalid(
                f"The parameter '{self.name}' is declared {self.type}, which '{shorten(text, 100)}' is not."
            ) from error
        return self._choose(value)

    def _choose(self, value: Value) -> Value:
        if self.choices is not None and value not in self.choices:
            choices = ", ".join(map(str, self.choices))
            raise invalid(f"The parameter '{self.name}' must be one of {choices}, not '{value}'.")
        return value


def bind(declared: Iterable[Parameter], given: Iterable[Mapping[str, str]]) -> dict[str, Value]:
    """The value of every declared parameter of an execution.

    Args:
        declared: the definition's parameters.
        given: `{"Name", "Value"}` of those that are set for this execution.

    Raises:
        ApiError: a name is not declared or set twice, a value does not fit, or one without default is missing.
    """
    parameters = {parameter.name: parameter for parameter in declared}
    values: dict[str, Value] = {}
    for item in given:
        name = item["Name"]
        if name not in parameters:
            known = ", ".join(parameters) or "none"
            raise invalid(f"The parameter '{name}' is not declared by the pipeline; declared are: {known}.")
        if name in values:
            raise invalid(f"The parameter '{name}' is given twice.")
        values[name] = parameters[name].read(item["Value"])
    for name, parameter in parameters.items():
        if name not in values and parameter.default is None:
            raise invalid(f"The parameter '{name}' has no default value and is not given.")
        values.setdefault(name, parameter.default)
    return values


def _read_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _read_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _read_boolean(text: str) -> bool:
    values = {"true": True, "false": False}
    if text.lower() not in values:
        raise ValueError(text)
    return values[text.lower()]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_READ: dict[str, Callable[[str], Value]] = {
    "String": str,
    "Integer": _read_integer,
    "Float": _read_float,
    "Boolean": _read_boolean,
}
_IS: dict[str, Callable[[object], bool]] = {
    "String": lambda value: isinstance(value, str),
    "Integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "Float": _is_number,
    "Boolean": lambda value: isinstance(value, bool),
}

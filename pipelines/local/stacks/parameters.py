"""The parameters of a template: which values they have, and whether they may."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.local.aws import Json
from pipelines.local.stacks.errors import refused
from pipelines.local.stacks.expressions import as_text

_HIDDEN = "****"


def values(declared: Json, given: Sequence[Json], before: Mapping[str, str]) -> dict[str, str]:
    """The value of each parameter, as a text.

    Args:
        declared: the template's section.
        given: of the call: ParameterKey with ParameterValue or UsePreviousValue.
        before: the values in the stack so far.

    Raises:
        ApiError: one is missing, unknown, or not allowed.
    """
    unknown = [each["ParameterKey"] for each in given if each["ParameterKey"] not in declared]
    if unknown:
        raise refused(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    chosen = {name: as_text(each["Default"]) for name, each in declared.items() if "Default" in each}
    for each in given:
        name = each["ParameterKey"]
        if each.get("UsePreviousValue"):
            if name in before:
                chosen[name] = before[name]
        elif "ParameterValue" in each:
            chosen[name] = each["ParameterValue"]
    missing = [name for name in declared if name not in chosen]
    if missing:
        raise refused(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in chosen.items():
        _check(name, declared[name], value)
    return chosen


def meanings(declared: Json, chosen: Mapping[str, str]) -> dict[str, Any]:
    """What `Ref` gives for each parameter: a list for the list types, else the text."""
    return {
        name: [each.strip() for each in value.split(",")] if _is_list(declared[name]) and value else value
        for name, value in chosen.items()
    }


def shown(declared: Json, chosen: Mapping[str, str]) -> list[Json]:
    """The parameters as descriptions of the stack show them; what is secret stays so."""
    return [
        {
            "ParameterKey": name,
            "ParameterValue": _HIDDEN if _is_hidden(declared.get(name, {})) else value,
        }
        for name, value in chosen.items()
    ]


def _is_hidden(parameter: Json) -> bool:
    return str(parameter.get("NoEcho", "false")).lower() == "true"


def _is_list(parameter: Json) -> bool:
    kind: str = parameter.get("Type", "String")
    return kind == "CommaDelimitedList" or kind.startswith("List<")


def _check(name: str, parameter: Json, value: str) -> None:
    if parameter.get("Type", "").startswith("AWS::SSM::"):
        raise refused(f"Parameter {name}: the embedded SageMaker does not read parameters from Systems Manager.")
    for each in value.split(",") if _is_list(parameter) and value else [value]:
        problem = _problem(parameter, each.strip() if _is_list(parameter) else each)
        if problem:
            raise refused(parameter.get("ConstraintDescription") or f"Parameter {name} failed to satisfy: {problem}")


def _problem(parameter: Json, value: str) -> str:
    """Why a parameter may not have a value; empty where it may."""
    allowed = [as_text(each) for each in parameter.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"constraint: Member must satisfy enum value set: [{', '.join(allowed)}], not '{value}'"
    pattern = parameter.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        return f"constraint: Member must satisfy regular expression pattern: {pattern}"
    if not int(parameter.get("MinLength", 0)) <= len(value) <= int(parameter.get("MaxLength", len(value))):
        return f"a length of {parameter.get('MinLength', 0)} to {parameter.get('MaxLength', 'any')}"
    if parameter.get("Type") in ("Number", "List<Number>"):
        try:
            number = float(value)
        except ValueError:
            return f"'{value}' must be a number"
        if not float(parameter.get("MinValue", number)) <= number <= float(parameter.get("MaxValue", number)):
            return f"a value of {parameter.get('MinValue', 'any')} to {parameter.get('MaxValue', 'any')}"
    return ""

"""Check the parameters of an execution before it starts: names, types and allowed values."""

import json
import math
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from pipelines.errors import PipelineError
from pipelines.machines import INSTANCE_TYPE


def check_parameters(definition: str, given: Mapping[str, str]) -> None:
    """Tell whether an execution of a pipeline can start with these parameters.

    Args:
        definition: the deployed pipeline's, as JSON.
        given: values by name, as texts.

    Raises:
        PipelineError: a name is not known, a value is not of its parameter's type or not one of those allowed, or a
            parameter without a default is missing.
    """
    declared: dict[str, Any] = {each["Name"]: each for each in json.loads(definition).get("Parameters", [])}
    for name, value in given.items():
        if name not in declared:
            raise PipelineError(_unknown(name, list(declared)))
        _check_value(declared[name], value)
    missing = [name for name, each in declared.items() if "DefaultValue" not in each and name not in given]
    if missing:
        raise PipelineError(f"the pipeline needs a value of {', '.join(missing)}: give -p {missing[0]}=...")


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    meant = f", did you mean {near[0]}? Its" if near else "; its"
    return f"the pipeline has no parameter {name}{meant} parameters are {', '.join(known) or 'none'}"


def _check_value(declared: Mapping[str, Any], value: str) -> None:
    name, kind = declared["Name"], declared["Type"]
    if kind in _CHECKS:
        what, is_one = _CHECKS[kind]
        if not is_one(value):
            raise PipelineError(f"parameter {name} must be {what}, and {value!r} is none")
    for ending, (what, fits) in _BY_NAME.items():
        if name.endswith(ending) and not fits(value):
            raise PipelineError(f"parameter {name} must be {what}, and {value!r} is none")
    allowed = [str(each) for each in declared.get("EnumValues", [])]
    if allowed and value not in allowed:
        raise PipelineError(f"parameter {name} must be one of {', '.join(allowed)}, and {value!r} is none of them")


def _is_whole(value: str) -> bool:
    return value.removeprefix("-").isascii() and value.removeprefix("-").isdigit()


def _is_number(value: str) -> bool:
    try:
        return math.isfinite(float(value)) and value == value.strip() and "_" not in value
    except ValueError:
        return False


_CHECKS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "Integer": ("a whole number", _is_whole),
    "Float": ("a number", _is_number),
    "Boolean": ("true or false", lambda value: value.lower() in ("true", "false")),
}

_BY_NAME: dict[str, tuple[str, Callable[[str], bool]]] = {
    "InstanceType": ("an instance type such as ml.m5.xlarge", lambda value: bool(re.fullmatch(INSTANCE_TYPE, value))),
    "InstanceCount": ("1 or more", lambda value: _is_whole(value) and int(value) >= 1),
    "SourceUri": ("an address such as s3://bucket/prefix", lambda value: bool(value.strip())),
}
"""What SageMaker or a step would refuse later, by the end of the parameter's name."""

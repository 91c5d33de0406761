"""The values of a pipeline definition as a person reads them."""

import json
from typing import Any

from pipelines.diff.leaves import is_expression

LONGEST = 120
"""Characters of a value that are shown."""

COMPARISONS = {
    "Equals": "=",
    "GreaterThan": ">",
    "GreaterThanOrEqualTo": ">=",
    "LessThan": "<",
    "LessThanOrEqualTo": "<=",
}


def shown(value: Any) -> str:
    """A value in a line: expressions by what they refer to, all else as JSON; long ones are cut."""
    text = _text(value) if is_expression(value) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def condition(value: Any) -> str:
    """A condition of a condition step, such as `accuracy.value >= Parameters.MinimumAccuracy`."""
    match value:
        case {"Type": str(kind), "LeftValue": left, "RightValue": right} if kind in COMPARISONS:
            return f"{shown(left)} {COMPARISONS[kind]} {shown(right)}"
        case _:
            return shown(value)


def retries(policies: Any) -> str:
    """Retry policies, such as `5 times after SERVICE_FAULT or THROTTLING, from 10 s`."""
    try:
        return "; ".join(map(_retry, policies)) or "none"
    except (KeyError, TypeError, ValueError, AttributeError):
        return shown(policies)


def _retry(policy: dict[str, Any]) -> str:
    errors = " or ".join(name.rpartition(".")[2] for name in policy["ExceptionType"])
    most = f"{policy['MaxAttempts']} times" if "MaxAttempts" in policy else f"{policy['ExpireAfterMin']} minutes long"
    pace = f", first after {policy['IntervalSeconds']} s" if "IntervalSeconds" in policy else ""
    growth = f", times {policy['BackoffRate']:g}" if "BackoffRate" in policy else ""
    return f"{most} after {errors}{pace}{growth}"


def _text(value: Any) -> str:
    """An expression without quotes; what is none as it is."""
    match value:
        case {"Get": str(reference)}:
            return reference
        case {"Std:Join": {"On": str(separator), "Values": list(values)}}:
            return separator.join(_text(part) for part in values)
        case {"Std:JsonGet": {"Path": str(path)}}:
            return path
        case str(text):
            return text
        case _:
            return json.dumps(value, ensure_ascii=False)

"""Search for experiments, trials and trial components."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pipelines.local.aws import Json, invalid, page

_Test = Callable[[Any, str], bool]


def search(items: Sequence[Json], request: Json, key: str) -> Json:
    """The answer of Search.

    Args:
        items: everything that may be found, in the form in which it is answered.
        request: what is asked.
        key: the field of a result that holds the item.

    Raises:
        ApiError: the request asks for what cannot be told.
    """
    expression = request.get("SearchExpression", {})
    found = [item for item in items if _matches(item, expression)]
    by = request.get("SortBy", "CreationTime")
    having = [item for item in found if _values(item, by)]
    having.sort(key=lambda item: _order(_values(item, by)[0]), reverse=request.get("SortOrder") != "Ascending")
    lacking = [item for item in found if not _values(item, by)]
    return page([{key: item} for item in [*having, *lacking]], request, "Results")


def _matches(item: Json, expression: Json) -> bool:
    if expression.get("NestedFilters"):
        raise invalid("NestedFilters are not known to the embedded SageMaker: use Filters.")
    tests = [_passes(item, each) for each in expression.get("Filters", [])]
    tests += [_matches(item, each) for each in expression.get("SubExpressions", [])]
    return any(tests) if expression.get("Operator") == "Or" and tests else all(tests)


def _passes(item: Json, wanted: Json) -> bool:
    values = _values(item, wanted["Name"])
    operator = wanted.get("Operator", "Equals")
    if operator == "Exists":
        return bool(values)
    if operator == "NotExists":
        return not values
    if "Value" not in wanted:
        raise invalid(f"The filter for {wanted['Name']} needs a Value.")
    if operator == "NotEquals":
        return not any(_equals(value, wanted["Value"]) for value in values)
    return any(_TESTS[operator](value, wanted["Value"]) for value in values)


def _values(item: Any, path: str) -> list[Any]:
    """What stands at a path such as `Parents.TrialName`, `Parameters.epochs` or `Metrics.loss.Max`."""
    if isinstance(item, list):
        named = [each for each in item if isinstance(each, dict) and _is_named(each, path)]
        if named:
            return [value for each in named for value in _below(each, path.partition(".")[2])]
        return [value for each in item for value in _values(each, path)]
    if not isinstance(item, dict):
        return []
    # Names of parameters and tags may hold dots.
    return [
        value
        for name, inner in item.items()
        if path == name or path.startswith(f"{name}.")
        for value in _below(inner, path[len(name) + 1 :])
    ]


def _is_named(item: Json, path: str) -> bool:
    return path.partition(".")[0] in (item.get("MetricName"), item.get("Key"))


def _below(item: Any, path: str) -> list[Any]:
    if path:
        return _values(item, path)
    if isinstance(item, dict):  # the value of a parameter, an artifact or a tag
        return [item[name] for name in ("NumberValue", "StringValue", "Value") if name in item] or [item]
    return [item]


def _order(value: Any) -> tuple[int, float, str]:
    return (0, value, "") if isinstance(value, (int, float)) else (1, 0.0, str(value))


def _equals(value: Any, text: str) -> bool:
    if isinstance(value, (int, float)):
        try:
            return float(text) == value
        except ValueError:
            return False
    return str(value) == text


def _compared(test: Callable[[float, float], bool]) -> _Test:
    def holds(value: Any, text: str) -> bool:
        try:
            return test(float(value), float(text))
        except (TypeError, ValueError):
            return False

    return holds


_TESTS: dict[str, _Test] = {
    "Equals": _equals,
    "Contains": lambda value, text: text.lower() in str(value).lower(),
    "In": lambda value, text: any(_equals(value, each.strip()) for each in text.split(",")),
    "GreaterThan": _compared(lambda left, right: left > right),
    "GreaterThanOrEqualTo": _compared(lambda left, right: left >= right),
    "LessThan": _compared(lambda left, right: left < right),
    "LessThanOrEqualTo": _compared(lambda left, right: left <= right),
}

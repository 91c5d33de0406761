"""The comparisons of condition steps."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from pipelines.local.aws import Json
from pipelines.local.definitions.expressions import ExpressionError, Scope, as_text, resolve

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_FIELDS: dict[str, frozenset[str]] = {
    **{name: frozenset({"Type", "LeftValue", "RightValue"}) for name in _COMPARISONS},
    "In": frozenset({"Type", "QueryValue", "Values"}),
    "Not": frozenset({"Type", "Condition"}),
    "Or": frozenset({"Type", "Conditions"}),
}


def check_condition(condition: Any) -> None:
    """Check the form of one condition, with those inside it.

    Raises:
        ExpressionError: it is of no known type, or its fields are not that type's.
    """
    kind = condition.get("Type") if isinstance(condition, dict) else None
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise ExpressionError(f"{as_text(kind)} is not a type of condition; known are {', '.join(_FIELDS)}.")
    if set(condition) != _FIELDS[kind]:
        raise ExpressionError(f"The condition {kind} takes the fields {', '.join(sorted(_FIELDS[kind]))}.")
    if kind == "Not":
        check_condition(condition["Condition"])
    listed = {"In": "Values", "Or": "Conditions"}.get(kind)
    if listed and not isinstance(condition[listed], list):
        raise ExpressionError(f"{listed} of the condition {kind} must be a list.")
    if kind == "Or":
        for inner in condition["Conditions"]:
            check_condition(inner)


def holds(condition: Json, scope: Scope) -> bool:
    """Whether a condition is true; see `check_condition` for its form.

    Raises:
        ExpressionError: a value is missing, or two values cannot be compared.
    """
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Condition"], scope)
    if kind == "Or":
        return any(holds(inner, scope) for inner in condition["Conditions"])
    if kind == "In":
        wanted = resolve(condition["QueryValue"], scope)
        return any(_compare("Equals", wanted, item) for item in resolve(condition["Values"], scope))
    left, right = resolve(condition["LeftValue"], scope), resolve(condition["RightValue"], scope)
    return _compare(kind, left, right)


def _compare(kind: str, left: Any, right: Any) -> bool:
    if _family(left) != _family(right):
        raise ExpressionError(
            f"{kind} cannot compare {as_text(left)} ({_family(left)}) with {as_text(right)} ({_family(right)})."
        )
    if kind != "Equals" and _family(left) not in ("number", "text"):
        raise ExpressionError(f"{kind} cannot compare {as_text(left)} with {as_text(right)}.")
    return _COMPARISONS[kind](left, right)


def _family(value: Any) -> str:
    """The kind of a value; a truth value is no number, although Python takes True for 1."""
    if isinstance(value, bool):
        return "truth value"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else "nothing" if value is None else "structure"

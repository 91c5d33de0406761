"""The ranges that a tuning job searches: SageMaker's kinds and scales, as Optuna is asked for them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pipelines.local.aws import Json, invalid, shorten

Scale = Literal["Linear", "Logarithmic", "ReverseLogarithmic"]

_WIDE = 10.0
"""Ratio of the ends from which `Auto` takes a logarithmic scale. AWS chooses by rules it does not publish."""


@dataclass(frozen=True)
class Continuous:
    """Any number from `low` to `high`."""

    name: str
    low: float
    high: float
    scale: Scale

    @property
    def distribution(self) -> FloatDistribution:
        """Its scale: of ReverseLogarithmic the distance from 1, which is fine near 1."""
        if self.scale == "ReverseLogarithmic":
            return FloatDistribution(1 - self.high, 1 - self.low, log=True)
        return FloatDistribution(self.low, self.high, log=self.scale == "Logarithmic")

    def suggest(self, trial: optuna.Trial) -> str:
        """A value as text, both ends included."""
        scale = self.distribution
        value = trial.suggest_float(self.name, scale.low, scale.high, log=scale.log)
        return repr(min(max(1 - value, self.low), self.high) if self.scale == "ReverseLogarithmic" else value)

    def place(self, text: str) -> float | None:
        """Where a value lies on the scale; None where it is no number of the range."""
        value = _read(text)
        if value is None or not self.low <= value <= self.high:
            return None
        return 1 - value if self.scale == "ReverseLogarithmic" else value


@dataclass(frozen=True)
class Integer:
    """A whole number from `low` to `high`."""

    name: str
    low: int
    high: int
    scale: Scale

    @property
    def distribution(self) -> IntDistribution:
        """Its scale."""
        return IntDistribution(self.low, self.high, log=self.scale == "Logarithmic")

    def suggest(self, trial: optuna.Trial) -> str:
        """A value as text, both ends included."""
        return str(trial.suggest_int(self.name, self.low, self.high, log=self.scale == "Logarithmic"))

    def place(self, text: str) -> int | None:
        """Where a value lies on the scale; None where it is no whole number of the range."""
        value = _read(text)
        return int(value) if value is not None and value.is_integer() and self.low <= value <= self.high else None


@dataclass(frozen=True)
class Categorical:
    """One of several texts, passed on as they are."""

    name: str
    values: tuple[str, ...]

    @property
    def distribution(self) -> CategoricalDistribution:
        """The values, without an order."""
        return CategoricalDistribution(self.values)

    def suggest(self, trial: optuna.Trial) -> str:
        """One of the values."""
        return str(trial.suggest_categorical(self.name, self.values))

    def place(self, text: str) -> str | None:
        """The value itself; None where it is none of these."""
        return text if text in self.values else None


Range = Continuous | Integer | Categorical


def read_ranges(request: Json) -> list[Range]:
    """Read the ParameterRanges of a request.

    Raises:
        ApiError: a range is empty or no range, its scale does not suit it, or two have one name.
    """
    if request.get("AutoParameters"):
        raise invalid("The embedded SageMaker does not support AutoParameters: give each hyperparameter its range.")
    ranges: list[Range] = [
        *(_continuous(item) for item in request.get("ContinuousParameterRanges", [])),
        *(_integer(item) for item in request.get("IntegerParameterRanges", [])),
        *(Categorical(item["Name"], tuple(item["Values"])) for item in request.get("CategoricalParameterRanges", [])),
    ]
    if not ranges:
        raise invalid("A tuning job needs ParameterRanges: at least one hyperparameter to search.")
    name, count = Counter(item.name for item in ranges).most_common(1)[0]
    if count > 1:
        raise invalid(f"The hyperparameter '{name}' has {count} ranges; it can have one.")
    return ranges


def _continuous(item: Json) -> Continuous:
    low, high = _number(item, "MinValue"), _number(item, "MaxValue")
    _check_order(item, low, high)
    scale = _scale(item, low, high)
    if scale == "ReverseLogarithmic" and not 0 <= low <= high < 1:
        raise invalid(f"{_say(item)} cannot be ReverseLogarithmic: that needs a range within 0<=x<1.0.")
    return Continuous(item["Name"], low, high, scale)


def _integer(item: Json) -> Integer:
    low, high = _number(item, "MinValue"), _number(item, "MaxValue")
    _check_order(item, low, high)
    scale = _scale(item, low, high)
    if not (low.is_integer() and high.is_integer()):
        raise invalid(f"{_say(item)} is an integer range, but its ends are not whole numbers.")
    if scale == "ReverseLogarithmic":
        raise invalid(f"{_say(item)} cannot be ReverseLogarithmic: that is for continuous ranges.")
    return Integer(item["Name"], int(low), int(high), scale)


def _scale(item: Json, low: float, high: float) -> Scale:
    asked = item.get("ScalingType", "Auto")
    if asked == "Auto":
        return "Logarithmic" if low > 0 and high / low >= _WIDE else "Linear"
    if asked == "Logarithmic" and low <= 0:
        raise invalid(f"{_say(item)} cannot be Logarithmic: that needs values greater than 0.")
    scale: Scale = asked
    return scale


def _read(text: str) -> float | None:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _number(item: Json, field: str) -> float:
    value = _read(item[field])
    if value is None:
        raise invalid(f"The {field} of hyperparameter '{item['Name']}' is '{shorten(item[field], 40)}', not a number.")
    return value


def _check_order(item: Json, low: float, high: float) -> None:
    if low > high:
        raise invalid(f"{_say(item)} is empty: its MinValue is greater than its MaxValue.")


def _say(item: Json) -> str:
    ends = f"{shorten(item['MinValue'], 40)} to {shorten(item['MaxValue'], 40)}"
    return f"The range {ends} of hyperparameter '{item['Name']}'"

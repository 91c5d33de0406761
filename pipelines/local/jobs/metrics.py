"""Reads a training job's metrics from its log, with the regular expressions of the request.

They are matched by RE2, whose time grows with the text alone: with Python's own `re`, an expression such as `(a+)+b`
could keep every thread of the server waiting for ever.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import re2

from pipelines.local.aws import Json, now

_LONGEST_LINE_BYTES = 64 * 1024  # a longer line is read in pieces


class PatternError(Exception):
    """What should be a metric's regular expression is none; the message says why."""


def check_pattern(pattern: str) -> None:
    """Refuse what cannot be the regular expression of a metric.

    Raises:
        PatternError: RE2 does not know the expression, or it has no group.
    """
    try:
        groups: int = _compile(pattern).groups
    except re2.error as error:
        reason = error.args[0].decode(errors="replace")
        raise PatternError(f"is not one: {reason} (RE2's syntax: no look-around, no back references)") from error
    if groups < 1:
        raise PatternError("needs a group: (...) around the number")


def final_metrics(log: Path, definitions: list[Json]) -> list[Json]:
    """The last value of each metric that the log mentions.

    Args:
        log: the job's log file.
        definitions: `{"Name", "Regex"}`, the value being the expression's first group.

    Returns:
        FinalMetricDataList: name, value and the time at which it was read. A match that is no finite number
        does not count.
    """
    patterns = {item["Name"]: _compile(item["Regex"]) for item in definitions}
    values: dict[str, float] = {}
    with log.open("rb") as file:
        while line := file.readline(_LONGEST_LINE_BYTES):
            for name, pattern in patterns.items():
                for value in _values(pattern, line):
                    values[name] = value
    return [{"MetricName": name, "Value": value, "Timestamp": now()} for name, value in values.items()]


class MetricValues:
    """Every value of one metric, read from a log while it grows.

    Args:
        log: the job's log file; it need not exist yet.
        pattern: a regular expression, the value being its first group.

    Attributes:
        values: the finite numbers found so far, in their order.
    """

    def __init__(self, log: Path, pattern: str) -> None:
        self._log = log
        self._pattern = _compile(pattern)
        self._offset = 0
        self.values: list[float] = []

    def read(self, *, final: bool = False) -> list[float]:
        """Read what was added and return all values; a line without its end is left for later unless it is the last."""
        with contextlib.suppress(FileNotFoundError), self._log.open("rb") as file:
            file.seek(self._offset)
            while line := file.readline(_LONGEST_LINE_BYTES):
                whole = line.endswith(b"\n") or len(line) == _LONGEST_LINE_BYTES
                if not whole and not final:
                    break
                self._offset += len(line)
                self.values += _values(self._pattern, line)
        return self.values


def _compile(pattern: str) -> Any:
    """The expression, to be matched against bytes: RE2 would encode each line of text anew."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern.encode(), options)


def _values(pattern: Any, line: bytes) -> Iterable[float]:
    """The finite numbers among the matches in a line; its end is none of it, so that `$` matches there."""
    for match in pattern.finditer(line.removesuffix(b"\n")):
        with contextlib.suppress(ValueError, TypeError):
            value = float(match.group(1))
            if math.isfinite(value):
                yield value

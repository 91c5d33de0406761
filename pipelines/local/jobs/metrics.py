"""Reads a training job's metrics from its log, with the regular expressions of the request."""

from __future__ import annotations

import contextlib
import math
import re
from pathlib import Path

from pipelines.local.aws import Json, now

_LONGEST_LINE_BYTES = 64 * 1024  # a longer line is read in pieces


def final_metrics(log: Path, definitions: list[Json]) -> list[Json]:
    """The last value of each metric that the log mentions.

    Args:
        log: the job's log file.
        definitions: `{"Name", "Regex"}`, the value being the expression's first group.

    Returns:
        FinalMetricDataList: name, value and the time at which it was read. A match that is no finite number
        does not count.
    """
    patterns = {item["Name"]: re.compile(item["Regex"]) for item in definitions}
    values: dict[str, float] = {}
    with log.open("rb") as file:
        while line := file.readline(_LONGEST_LINE_BYTES):
            text = line.decode(errors="replace")
            for name, pattern in patterns.items():
                for value in _values(pattern, text):
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
        self._pattern = re.compile(pattern)
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
                self.values += _values(self._pattern, line.decode(errors="replace"))
        return self.values


def _values(pattern: re.Pattern[str], text: str) -> list[float]:
    """The finite numbers among the matches."""
    values: list[float] = []
    for match in pattern.finditer(text):
        with contextlib.suppress(ValueError, TypeError):
            value = float(match.group(1))
            if math.isfinite(value):
                values.append(value)
    return values

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
                for match in pattern.finditer(text):
                    with contextlib.suppress(ValueError, TypeError):
                        value = float(match.group(1))
                        if math.isfinite(value):
                            values[name] = value
    return [{"MetricName": name, "Value": value, "Timestamp": now()} for name, value in values.items()]

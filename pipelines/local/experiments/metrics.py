"""Sums up the values of a trial component's metrics as they come."""

from __future__ import annotations

import math

from pipelines.local.aws import Json


def add(summary: Json | None, value: float, moment: float) -> Json:
    """The summary of a metric after another value; a TrialComponentMetricSummary without name and source.

    The deviation is that of the whole population, updated by Welford's method.

    Args:
        summary: of the values so far, None where there are none.
        value: the next one.
        moment: when it was measured, in epoch seconds.
    """
    if summary is None:
        return {"TimeStamp": moment, "Max": value, "Min": value, "Last": value, "Count": 1, "Avg": value, "StdDev": 0.0}
    count = summary["Count"] + 1
    mean = summary["Avg"] + (value - summary["Avg"]) / count
    squares = summary["StdDev"] ** 2 * summary["Count"] + (value - summary["Avg"]) * (value - mean)
    return {
        "TimeStamp": max(moment, summary["TimeStamp"]),
        "Max": max(summary["Max"], value),
        "Min": min(summary["Min"], value),
        "Last": value,
        "Count": count,
        "Avg": mean,
        "StdDev": math.sqrt(max(0.0, squares) / count),
    }

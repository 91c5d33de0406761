"""SecondaryStatusTransitions: the phases of a training job in AWS's words."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.local.aws import Json

_MESSAGES = {  # the words that AWS shows beside each phase
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "Training job interrupted, waiting for instances",
    "Restarting": "Restarting the training job after an internal server error",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
}


def transitions(phases: Sequence[tuple[str, float]], ended: float | None) -> list[Json]:
    """Each phase with its start and, once it is over, its end.

    Args:
        phases: names and starts in epoch seconds, in their order.
        ended: when the last one was over.
    """
    ends: list[float | None] = [start for _, start in phases[1:]]
    ends.append(ended)
    return [
        {
            "Status": phase,
            "StartTime": start,
            "StatusMessage": _MESSAGES[phase],
            **({} if end is None else {"EndTime": end}),
        }
        for (phase, start), end in zip(phases, ends, strict=True)
    ]

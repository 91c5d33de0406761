"""Tells whether a training job is not worth going on with: TrainingJobEarlyStoppingType `Auto`."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median


def is_behind(values: Sequence[float], completed: Sequence[Sequence[float]], maximize: bool) -> bool:
    """Apply AWS's rule: stop when the objective is worse than the median of the running averages of earlier jobs.

    The source is "Stop Training Jobs Early" in the SageMaker developer guide: after each epoch, the average of the
    objective up to that epoch is taken of all previous training jobs, and of those averages the median. AWS does not
    say how many jobs it waits for; here one that came as far is enough, and only completed ones count.

    Args:
        values: the job's objective after each of its epochs so far.
        completed: the same of jobs that have completed.
        maximize: whether a greater objective is better.
    """
    epoch = len(values)
    averages = [fmean(other[:epoch]) for other in completed if len(other) >= epoch > 0]
    if not averages:
        return False
    usual = median(averages)
    return values[-1] < usual if maximize else values[-1] > usual

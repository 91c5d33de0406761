"""One training job of a tuning job: what it tries, and what it reached."""

from __future__ import annotations

from pipelines.local.aws import Json, present
from pipelines.local.jobs.metrics import MetricValues
from pipelines.local.jobs.training import TrainingJob


class Trial:
    """A training job that was started to try some hyperparameters.

    Args:
        number: from 0, as the search gave it.
        values: the tuned hyperparameters.
        job: the training job.
        objective: the objective's name, and the regular expression that finds it in the job's log.
        maximize: whether a greater objective is better.
    """

    def __init__(
        self, number: int, values: dict[str, str], job: TrainingJob, objective: tuple[str, str], maximize: bool
    ) -> None:
        self.number = number
        self.values = values
        self.job = job
        self._metric, pattern = objective
        self._maximize = maximize
        self._reader = MetricValues(job.folder / "log", pattern)
        self.settled = False

    def reported(self) -> list[float]:
        """The objective as the job has reported it so far, once per epoch if it does so after each."""
        return self._reader.read()

    def settle(self) -> None:
        """Note that the job has ended and all it said is known."""
        self._reader.read(final=True)
        self.settled = True

    @property
    def objective(self) -> float | None:
        """What the job reached in the end; None while it runs, if it failed, or if it never reported any."""
        values = self._reader.values
        return values[-1] if self.settled and values and self.job.status != "Failed" else None

    @property
    def rank(self) -> float:
        """Smaller for a better objective; only for a trial that has one."""
        value = self.objective
        if value is None:
            raise ValueError(f"{self.job.name} has no objective")
        return -value if self._maximize else value

    @property
    def objective_status(self) -> str:
        """Pending, Succeeded or Failed."""
        if not self.settled:
            return "Pending"
        return "Failed" if self.objective is None else "Succeeded"

    @property
    def counted_as(self) -> str:
        """The one of TrainingJobStatusCounters that the job adds to."""
        status = self.job.status if self.settled else "InProgress"
        if status != "Failed":
            return status
        server = (self.job.failure_reason or "").startswith("InternalServerError")
        return "RetryableError" if server else "NonRetryableError"

    def summary(self) -> Json:
        """The job's line in ListTrainingJobsForHyperParameterTuningJob."""
        line: Json = {
            "TrainingJobName": self.job.name,
            "TrainingJobArn": self.job.arn,
            "CreationTime": self.job.created,
            "TrainingStartTime": self.job.started,
            "TrainingEndTime": self.job.ended,
            "TrainingJobStatus": self.job.status,
            "TunedHyperParameters": self.values,
            "FailureReason": self.job.failure_reason,
            "ObjectiveStatus": self.objective_status,
        }
        if self.objective is not None:
            line["FinalHyperParameterTuningJobObjectiveMetric"] = {"MetricName": self._metric, "Value": self.objective}
        return present(line)

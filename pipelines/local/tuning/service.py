"""The tuning jobs of one server: their actions in AWS's API, and the interface through which the engine starts them."""

from __future__ import annotations

from pipelines.local.announcements import Announcements
from pipelines.local.aws import Action, Json, not_found, page, select
from pipelines.local.jobs.book import Book
from pipelines.local.jobs.job import check_stoppable
from pipelines.local.jobs.records import Record
from pipelines.local.jobs.service import Jobs
from pipelines.local.store import Store
from pipelines.local.tuning.history import broken_off
from pipelines.local.tuning.job import TuningJob
from pipelines.local.tuning.parents import Parents
from pipelines.local.tuning.plan import Plan

_BY_NAME = {"SortBy": "Name", "SortOrder": "Ascending"}  # what these list calls do unless asked otherwise
_METRIC = "FinalHyperParameterTuningJobObjectiveMetric"


class TuningJobs:
    """Creates, lists, describes and stops tuning jobs.

    Args:
        jobs: runs the training jobs.
        store: keeps what is told of tuning jobs.
        announcements: hear of each change of a tuning job's status.
    """

    def __init__(self, jobs: Jobs, store: Store, announcements: Announcements) -> None:
        self._training = jobs
        self._jobs: Book[TuningJob] = Book("tuning-job", store, announcements, broken_off)

    def create(self, request: Json) -> TuningJob:
        """Start the tuning job of a request that `shapes.check` has found to be right.

        Raises:
            ApiError: the request asks for what cannot be done here, or the name is taken.
        """
        parents = Parents.read(request, self._jobs.get)
        job = TuningJob(Plan.read(request), parents, self._training)
        self._jobs.start(
            job,
            lambda other: (
                f"A hyperparameter tuning job with the name, {other.name}, already exists. Choose a different name."
            ),
        )
        return job

    def actions(self) -> dict[str, Action]:
        """The calls that this answers, by name."""
        return {
            "CreateHyperParameterTuningJob": lambda request: {"HyperParameterTuningJobArn": self.create(request).arn},
            "DescribeHyperParameterTuningJob": lambda request: self._find(request).description,
            "StopHyperParameterTuningJob": self._stop,
            "ListHyperParameterTuningJobs": self._list,
            "ListTrainingJobsForHyperParameterTuningJob": self._list_training_jobs,
        }

    def tags(self) -> dict[str, list[Json]]:
        """The tags with which each tuning job was created, by its ARN."""
        return self._jobs.tags()

    def mend(self) -> None:
        """Have the tuning jobs that ran when an earlier server died fail, and tell of it."""
        self._jobs.mend({"hyper-parameter-tuning-job": TuningJob.event})

    def stop(self) -> None:
        """Ask every tuning job to end."""
        self._jobs.stop()

    def close(self, timeout_seconds: float) -> None:
        """Stop every tuning job and wait until its training jobs are gone."""
        self._jobs.close(timeout_seconds)

    def _stop(self, request: Json) -> Json:
        record = self._find(request)
        check_stoppable(record)
        job = self._jobs.live(record.name)
        if job is not None:
            job.stop()
        return {}

    def _list(self, request: Json) -> Json:
        lines = [record.summary for record in self._jobs.all()]
        kept = select(
            lines, _BY_NAME | request, name="HyperParameterTuningJobName", status="HyperParameterTuningJobStatus"
        )
        return page(kept, request, "HyperParameterTuningJobSummaries")

    def _list_training_jobs(self, request: Json) -> Json:
        asked = _BY_NAME | request
        lines = self._find(request).members
        kept = select(lines, asked, name="TrainingJobName", status="TrainingJobStatus")
        if asked["SortBy"] == "FinalObjectiveMetricValue":  # as on AWS, jobs without one are left out
            kept = [line for line in kept if _METRIC in line]
            kept.sort(key=lambda line: line[_METRIC]["Value"], reverse=asked["SortOrder"] == "Descending")
        return page(kept, request, "TrainingJobSummaries")

    def _find(self, request: Json) -> Record:
        name = request["HyperParameterTuningJobName"]
        record = self._jobs.get(name)
        if record is None:
            raise not_found(f"Requested resource not found: there is no tuning job named '{name}'.")
        return record

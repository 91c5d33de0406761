"""What is told of a job and kept of it on disk: the answers of AWS's calls as they were at its last change."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

from pipelines.local.aws import Json, now

_RUNNING = ("InProgress", "Stopping")
BROKEN_OFF = "InternalServerError: the server ended while the job ran."
"""The reason of a job that ran when its server died."""


@dataclass(frozen=True)
class Record:
    """A job at one moment.

    Attributes:
        status: AWS's, such as `Completed`.
        phase: AWS's secondary status.
        tags: those with which it was created.
        description: the answer of the Describe call.
        summary: its line in the List call.
        members: the lines of the jobs that it has started.
    """

    name: str
    arn: str
    status: str
    phase: str
    tags: list[Json]
    description: Json
    summary: Json
    members: list[Json] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """As in its ARN, such as `training-job`."""
        return self.arn.rsplit("/", 1)[0].rsplit(":", 1)[-1]

    @property
    def running(self) -> bool:
        """Whether the job had not ended."""
        return self.status in _RUNNING

    def document(self) -> Json:
        """The record as the store keeps it."""
        return asdict(self)


def broken_off(record: Record) -> Record:
    """The record of a job that ran when its server died: failed, now."""
    stem = next(key for key in record.summary if key.endswith("JobName")).removesuffix("JobName")
    time = now()
    ending: Json = {f"{stem}JobStatus": "Failed", "FailureReason": BROKEN_OFF, f"{stem}EndTime": time}
    description, summary = {**record.description, **ending}, {**record.summary, **ending, "LastModifiedTime": time}
    if "LastModifiedTime" in description:
        description["LastModifiedTime"] = time
    if "SecondaryStatus" in summary:  # a training job
        summary["SecondaryStatus"] = description["SecondaryStatus"] = "Failed"
        *earlier, last = description["SecondaryStatusTransitions"]
        failed = {"Status": "Failed", "StartTime": time, "EndTime": time, "StatusMessage": BROKEN_OFF}
        description["SecondaryStatusTransitions"] = [*earlier, {**last, "EndTime": time}, failed]
        del summary["FailureReason"]  # which ListTrainingJobs does not show
    return replace(record, status="Failed", phase="Failed", description=description, summary=summary)

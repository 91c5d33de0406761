"""What becomes of a tuning job that ran when its server died."""

from __future__ import annotations

from dataclasses import replace

from pipelines.local.aws import Json
from pipelines.local.jobs import records
from pipelines.local.jobs.records import Record


def broken_off(record: Record) -> Record:
    """The record of a tuning job whose server died: failed, as the training jobs that ran."""
    ended = records.broken_off(record)
    members = [
        _ended(line) if line["TrainingJobStatus"] in ("InProgress", "Stopping") else line for line in record.members
    ]
    counters: Json = {}
    for name, count in (("TrainingJobStatusCounters", "RetryableError"), ("ObjectiveStatusCounters", "Failed")):
        waiting = "InProgress" if name == "TrainingJobStatusCounters" else "Pending"
        before = record.summary[name]
        counters[name] = {**before, waiting: 0, count: before[count] + before[waiting]}
    return replace(
        ended,
        members=members,
        description={**ended.description, **counters},
        summary={**ended.summary, **counters},
    )


def _ended(line: Json) -> Json:
    return {**line, "TrainingJobStatus": "Failed", "ObjectiveStatus": "Failed", "FailureReason": records.BROKEN_OFF}

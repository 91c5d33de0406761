"""How a pipeline stands: what is deployed, what ran last, what is planned, what answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from pipelines.config import Config
from pipelines.deployed import find_pipeline
from pipelines.endpoints import EndpointNow, describe_endpoint
from pipelines.operations import ModelVersion, list_models
from pipelines.progress import ENDED
from pipelines.schedule import describe_schedule
from pipelines.target import Target

SHOWN_EXECUTIONS = 5


@dataclass(frozen=True)
class PastExecution:
    """An execution in short.

    Attributes:
        arn: the execution's.
        status: Executing, Stopping, Succeeded, Failed or Stopped.
        started: when.
        seconds: how long it took, or has taken so far.
        reason: why it failed, in AWS's words but for its code; empty otherwise.
    """

    arn: str
    status: str
    started: datetime
    seconds: float
    reason: str


@dataclass(frozen=True)
class Status:
    """How a pipeline stands.

    Attributes:
        pipeline: its name.
        version: of the definition, from 1; None where there is no such pipeline, or versions are not told.
        changed: when the definition was put up; None where there is no such pipeline.
        executions: the last ones, the newest first.
        schedule: what starts it by itself, in words; empty where nothing does.
        endpoint: what answers; None where there is none.
        model: the newest in the registry; None where there is none.
    """

    pipeline: str
    version: int | None
    changed: datetime | None
    executions: tuple[PastExecution, ...]
    schedule: str
    endpoint: EndpointNow | None
    model: ModelVersion | None

    @property
    def is_well(self) -> bool:
        """Whether nobody need look after it: it is there, its last execution did not fail, nor did its endpoint."""
        ran = not self.executions or self.executions[0].status != "Failed"
        answers = self.endpoint is None or not (self.endpoint.reason or self.endpoint.status == "Failed")
        return self.changed is not None and ran and answers


def read_status(target: Target, config: Config) -> Status:
    """Ask how a pipeline stands.

    Args:
        target: where it is.
        config: its configuration, placed in the target.
    """
    found = find_pipeline(target, config.name)
    return Status(
        pipeline=config.name,
        version=_version(target, config.name) if found else None,
        changed=found["LastModifiedTime"] if found else None,
        executions=tuple(_executions(target, config.name)) if found else (),
        schedule=_schedule(target, config),
        endpoint=describe_endpoint(target, config.deploy.endpoint) if config.deploy else None,
        model=next(iter(list_models(target, config.register_.group, most=1)), None),
    )


def _version(target: Target, pipeline: str) -> int | None:
    """Number of the newest version."""
    answer: Any = target.sagemaker.list_pipeline_versions(PipelineName=pipeline, SortOrder="Descending", MaxResults=1)
    versions = answer["PipelineVersionSummaries"]
    return versions[0]["PipelineVersionId"] if versions else None


def _executions(target: Target, pipeline: str) -> Iterator[PastExecution]:
    pages = target.sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending"
    )
    summaries = (each for page in pages for each in page["PipelineExecutionSummaries"])
    for summary in islice(summaries, SHOWN_EXECUTIONS):
        arn, started = summary["PipelineExecutionArn"], summary["StartTime"]
        described: Any = target.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        status = described["PipelineExecutionStatus"]
        until = described["LastModifiedTime"] if status in ENDED else datetime.now(UTC)
        reason = described.get("FailureReason", "").replace("AlgorithmError: ", "")
        yield PastExecution(arn, status, started, (until - started).total_seconds(), reason)


def _schedule(target: Target, config: Config) -> str:
    found = describe_schedule(target, config)
    if found is None:
        return ""
    words = f"{found.expression} {found.zone}"
    if not found.enabled:
        return f"{words}, disabled"
    return f"{words}, next on {found.next:%a %Y-%m-%d %H:%M %Z}" if found.next else words

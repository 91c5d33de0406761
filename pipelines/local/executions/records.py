"""What is remembered of pipelines and their executions, and how AWS's calls describe it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipelines.local.aws import Json, arn, now, shorten
from pipelines.local.definitions.definition import Definition, Step
from pipelines.local.definitions.expressions import as_text
from pipelines.local.definitions.parameters import Value

_LONGEST_STEP_REASON = 1024  # characters, as in AWS's model
_LONGEST_EXECUTION_REASON = 1300


class Stoppable(Protocol):
    """What an execution stops when it is stopped."""

    def stop(self) -> None:
        """Ask it to end."""


@dataclass
class Pipeline:
    """A pipeline as it was last created or updated."""

    request: Json
    definition: Definition
    created: float = field(default_factory=now)
    modified: float = field(default_factory=now)
    last_run: float | None = None

    @property
    def name(self) -> str:
        """Its name."""
        name: str = self.request["PipelineName"]
        return name

    @property
    def arn(self) -> str:
        """Its ARN."""
        return arn(f"pipeline/{self.name}")

    def describe(self) -> Json:
        """The answer of DescribePipeline."""
        return {
            **_pick(self.request, "PipelineDisplayName", "PipelineDescription", "ParallelismConfiguration"),
            "PipelineArn": self.arn,
            "PipelineName": self.name,
            "PipelineDefinition": self.definition.text,
            "PipelineStatus": "Active",
            "RoleArn": self.request["RoleArn"],
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            **({} if self.last_run is None else {"LastRunTime": self.last_run}),
        }

    def summary(self) -> Json:
        """Its line in ListPipelines."""
        return {
            **_pick(self.request, "PipelineDisplayName", "PipelineDescription", "RoleArn"),
            "PipelineArn": self.arn,
            "PipelineName": self.name,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            **({} if self.last_run is None else {"LastExecutionTime": self.last_run}),
        }


@dataclass
class StepRun:
    """One step of one execution, from its start on.

    Attributes:
        properties: what references to the step see once it has succeeded.
        outcome: of a condition step.
    """

    step: Step
    status: str = "Executing"
    started: float = field(default_factory=now)
    ended: float | None = None
    failure_reason: str | None = None
    metadata: Json = field(default_factory=dict)
    properties: Any = None
    outcome: bool | None = None

    def finish(self, status: str, reason: str | None = None) -> None:
        """Note how the step ended."""
        self.failure_reason = None if reason is None else shorten(reason, _LONGEST_STEP_REASON)
        self.ended = now()
        self.status = status

    def summary(self) -> Json:
        """Its line in ListPipelineExecutionSteps."""
        line: Json = {
            "StepName": self.step.name,
            "StepDisplayName": self.step.display_name,
            "StepDescription": self.step.description,
            "StartTime": self.started,
            "EndTime": self.ended,
            "StepStatus": self.status,
            "FailureReason": self.failure_reason,
            "Metadata": self.metadata,
            "AttemptCount": 1,
        }
        return {key: value for key, value in line.items() if value is not None}


class Execution:
    """One run of a pipeline. Its state may be read by any thread while the engine writes it.

    Args:
        identity: the last part of its ARN.
        pipeline: what it runs, as it is now: a later update does not touch it.
        parameters: a value for each declared parameter.
        request: the input of StartPipelineExecution.
    """

    def __init__(self, identity: str, pipeline: Pipeline, parameters: Mapping[str, Value], request: Json) -> None:
        self.identity = identity
        self.pipeline_name, self.pipeline_arn = pipeline.name, pipeline.arn
        self.arn = f"{pipeline.arn}/execution/{identity}"
        self.definition = pipeline.definition
        self.role_arn = request.get("RoleArn", pipeline.request["RoleArn"])
        self.parallelism = request.get("ParallelismConfiguration", pipeline.request.get("ParallelismConfiguration"))
        self.parameters = dict(parameters)
        self.request = request
        self.status = "Executing"
        self.failure_reason: str | None = None
        self.created = self.modified = now()
        self.display_name = request.get("PipelineExecutionDisplayName", f"execution-{int(self.created * 1000)}")
        self.runs: dict[str, StepRun] = {}
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._jobs: set[Stoppable] = set()

    @property
    def stopping(self) -> bool:
        """Whether somebody asked the execution to stop."""
        return self._stopping.is_set()

    def begin(self, step: Step) -> StepRun:
        """Note that a step starts."""
        run = StepRun(step)
        with self._lock:
            self.runs[step.name] = run
        return run

    def attach(self, job: Stoppable) -> None:
        """Have a running step's job stopped together with the execution."""
        with self._lock:
            self._jobs.add(job)
            if self.stopping:
                job.stop()

    def stop(self) -> None:
        """Start no more steps and stop the jobs of those that run."""
        with self._lock:
            if self.ended.is_set():
                return
            self._stopping.set()
            self.status = "Stopping"
            self.modified = now()
            for job in self._jobs:
                job.stop()

    def finish(self, status: str, reason: str | None = None) -> None:
        """Note how the execution ended."""
        with self._lock:
            self.failure_reason = None if reason is None else shorten(reason, _LONGEST_EXECUTION_REASON)
            self.modified = now()
            self.status = status
            self.ended.set()

    def describe(self) -> Json:
        """The answer of DescribePipelineExecution."""
        answer = {
            **_pick(self.request, "PipelineExecutionDescription"),
            "PipelineExecutionDisplayName": self.display_name,
            "PipelineArn": self.pipeline_arn,
            "PipelineExecutionArn": self.arn,
            "PipelineExecutionStatus": self.status,
            "FailureReason": self.failure_reason,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "ParallelismConfiguration": self.parallelism,
            "RoleArn": self.role_arn,
        }
        return {key: value for key, value in answer.items() if value is not None}

    def summary(self) -> Json:
        """Its line in ListPipelineExecutions."""
        line = {
            **_pick(self.request, "PipelineExecutionDescription"),
            "PipelineExecutionDisplayName": self.display_name,
            "PipelineExecutionArn": self.arn,
            "StartTime": self.created,
            "PipelineExecutionStatus": self.status,
            "PipelineExecutionFailureReason": self.failure_reason,
        }
        return {key: value for key, value in line.items() if value is not None}

    def steps(self) -> list[Json]:
        """The lines of ListPipelineExecutionSteps, in the order in which the steps started."""
        with self._lock:
            runs = list(self.runs.values())
        return [run.summary() for run in runs]

    def bound_parameters(self) -> list[Json]:
        """The lines of ListPipelineParametersForExecution."""
        return [{"Name": name, "Value": as_text(value)} for name, value in self.parameters.items()]


def _pick(request: Json, *names: str) -> Json:
    return {name: request[name] for name in names if name in request}

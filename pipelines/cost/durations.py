"""How long the jobs of a pipeline take: as in its last execution that succeeded, or as its preset expects."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.cost.billed import Billed, billed_jobs
from pipelines.target import Target


@dataclass(frozen=True)
class Durations:
    """Expected minutes of one job of each step, of a search of one trial.

    Attributes:
        minutes: by step.
        source: where they come from, in words.
    """

    minutes: Mapping[str, float]
    source: str


def declared(minutes: Mapping[str, float]) -> Durations:
    """The minutes that a preset expects."""
    return Durations(minutes, "minutes are those that the preset expects ([cost.minutes]), not measured ones")


def expected(target: Target | None, pipeline: str, otherwise: Mapping[str, float]) -> Durations:
    """The measured minutes where AWS itself ran the pipeline, else the preset's.

    An embedded SageMaker's minutes are those of the machine that it runs on, which is none that AWS bills.
    """
    return measured(target, pipeline, otherwise) if target and target.on_aws else declared(otherwise)


def measured(target: Target, pipeline: str, otherwise: Mapping[str, float]) -> Durations:
    """The minutes of the last execution that succeeded; of steps that it did not run, the preset's.

    Args:
        target: where the pipeline may be deployed.
        pipeline: its name.
        otherwise: the minutes that the preset expects.
    """
    execution = last_success(target, pipeline)
    if execution is None:
        return declared(otherwise)
    ran = {job.step: _minutes(job) for job in billed_jobs(target, execution) if job.jobs}
    name = execution.rpartition("/")[2]
    rest = [step for step in otherwise if step not in ran]
    told = f", those of {', '.join(rest)} as the preset expects" if rest else ""
    return Durations({**otherwise, **ran}, f"minutes are those of execution {name}, the last that succeeded{told}")


def last_success(target: Target, pipeline: str) -> str | None:
    """ARN of the execution that last succeeded; None where there is none, or no such pipeline."""
    pages = target.sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending"
    )
    try:
        for page in pages:
            for found in page["PipelineExecutionSummaries"]:
                if found.get("PipelineExecutionStatus") == "Succeeded":
                    return found["PipelineExecutionArn"]
    except target.sagemaker.exceptions.ResourceNotFound:
        pass
    return None


def _minutes(job: Billed) -> float:
    return job.running_seconds / job.jobs / 60

"""Which jobs a step of an execution made."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any

from pipelines.errors import PipelineError
from pipelines.notes import LOG_GROUPS, made_by
from pipelines.target import Target

MOST_TRIALS = 3
"""Trials of each kind, failed ones say, that are named of a search; others have the same to tell."""
KINDS = {"processing-job": "ProcessingJob", "training-job": "TrainingJob", "transform-job": "TransformJob"}
"""What ListPipelineExecutionSteps calls a job, by the resource in its ARN."""


@dataclass(frozen=True)
class Job:
    """A job.

    Attributes:
        kind: ProcessingJob, TrainingJob or TransformJob.
        name: the job's.
        about: what it is among several jobs of its step, such as `best trial 2`; empty where it is the only one.
    """

    kind: str
    name: str
    about: str = ""

    @property
    def log_group(self) -> str:
        """Its group in CloudWatch Logs."""
        return LOG_GROUPS[self.kind]


def describe_step(target: Target, execution: str, name: str) -> Any:
    """The step's line in ListPipelineExecutionSteps; None when it has not started.

    Raises:
        PipelineError: the pipeline has no such step.
    """
    pages = target.sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=execution)
    started = {step["StepName"]: step for page in pages for step in page["PipelineExecutionSteps"]}
    if name in started:
        return started[name]
    answer = target.sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=execution)
    known = list(_names(json.loads(answer["PipelineDefinition"])["Steps"]))
    if name in known:
        return None
    near = get_close_matches(name.lower(), [each.lower() for each in known], n=1, cutoff=0.5)
    meant = next((f", did you mean {each}? Its" for each in known if [each.lower()] == near), "; its")
    raise PipelineError(f"the pipeline has no step {name}{meant} steps are {', '.join(known)}")


def jobs_of(target: Target, step: Any) -> list[Job]:
    """The jobs that a step made: one, several trials of a search, or none.

    Args:
        target: where it runs.
        step: its line in ListPipelineExecutionSteps.
    """
    resource, _, name = made_by(step).rpartition(":")[2].partition("/")
    if resource in KINDS:
        return [Job(KINDS[resource], name)]
    return _trials(target, name) if resource == "hyper-parameter-tuning-job" else []


def _trials(target: Target, search: str) -> list[Job]:
    """Those trials of a search that have something to tell: failed ones, the best, and those that run."""
    described = target.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=search)
    best = described.get("BestTrainingJob", {}).get("TrainingJobName")
    kinds = {
        **dict.fromkeys(_with_status(target, search, "Failed"), "failed"),
        **({best: "best"} if best else {}),
        **dict.fromkeys(_with_status(target, search, "InProgress"), "running"),
    }
    return [Job("TrainingJob", name, f"{kind} trial {_number(name, search)}") for name, kind in kinds.items()]


def _with_status(target: Target, search: str, status: Any) -> Iterator[str]:
    pages = target.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=search, StatusEquals=status, SortBy="CreationTime", SortOrder="Ascending"
    )
    names = (trial["TrainingJobName"] for page in pages for trial in page["TrainingJobSummaries"])
    return islice(names, MOST_TRIALS)


def _number(trial: str, search: str) -> str:
    """A trial is called as its search, then its number, then a hash."""
    return trial.removeprefix(f"{search}-").partition("-")[0].lstrip("0")


def _names(steps: list[dict[str, Any]]) -> Iterator[str]:
    """Names of steps in the order of their definition, with those in branches of conditions."""
    for step in steps:
        yield step["Name"]
        arguments = step.get("Arguments", {})
        yield from _names([*arguments.get("IfSteps", []), *arguments.get("ElseSteps", [])])

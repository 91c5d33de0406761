"""What each type of step does once it is its turn."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from pipelines.local.aws import ApiError
from pipelines.local.conditions import holds
from pipelines.local.connection import Connection
from pipelines.local.definition import Step
from pipelines.local.expressions import ExpressionError, Scope, as_text, resolve
from pipelines.local.jobs.job import Job
from pipelines.local.jobs.processing import ProcessingJob
from pipelines.local.jobs.service import Jobs
from pipelines.local.jobs.training import TrainingJob
from pipelines.local.records import Execution, StepRun
from pipelines.local.shapes import check
from pipelines.local.tuning.job import TuningJob
from pipelines.local.tuning.service import TuningJobs

_LONGEST_JOB_NAME = 63
_LONGEST_TUNING_JOB_NAME = 32
_MOST_SUMMARIES = 50  # of the training jobs that a tuning step's properties hold
_SUFFIX = string.ascii_letters + string.digits


class StepStopped(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The step's job was stopped together with the execution."""


class StepFailed(Exception):  # noqa: N818 - AWS's word
    """The step failed; the message is its FailureReason."""


@dataclass(frozen=True)
class Services:
    """What steps work with."""

    jobs: Jobs
    tuning: TuningJobs
    connection: Connection


@dataclass(frozen=True)
class Turn:
    """One step's turn in one execution."""

    execution: Execution
    run: StepRun
    scope: Scope
    services: Services

    @property
    def step(self) -> Step:
        """The step whose turn it is."""
        return self.run.step


def take(turn: Turn) -> None:
    """Do what the step is for; its run then holds metadata, properties and outcome.

    Raises:
        StepFailed: with the reason in the words of whatever failed.
        StepStopped: the execution was stopped meanwhile.
    """
    try:
        _TYPES[turn.step.type](turn)
    except (ApiError, ExpressionError) as error:
        raise StepFailed(f"ClientError: {error}") from error
    except ClientError as error:
        raise StepFailed(f"ClientError: {error.response['Error']['Message']}") from error


def _run_job(turn: Turn, kind: type[Job]) -> None:
    arguments = resolve(turn.step.arguments, turn.scope)
    arguments.pop("ExperimentConfig", None)
    name = _job_name(f"pipelines-{turn.execution.identity}", turn.step.name, _LONGEST_JOB_NAME)
    request = {**arguments, kind.name_field(): name}
    check(f"Create{kind.kind.capitalize()}Job", request)
    job = turn.services.jobs.create(kind, request)
    turn.run.metadata = {f"{kind.kind.capitalize()}Job": {"Arn": job.arn}}
    _see_to_its_end(turn, job)
    turn.run.properties = job.describe()


def _see_to_its_end(turn: Turn, job: Job | TuningJob) -> None:
    turn.execution.attach(job)
    job.wait()
    if job.status == "Stopped" and turn.execution.stopping:
        raise StepStopped
    if job.status != "Completed":
        raise StepFailed(job.failure_reason or f"ClientError: the job {job.name} was stopped.")


def _processing(turn: Turn) -> None:
    _run_job(turn, ProcessingJob)


def _training(turn: Turn) -> None:
    _run_job(turn, TrainingJob)


def _tuning(turn: Turn) -> None:
    arguments = resolve(turn.step.arguments, turn.scope)
    name = _job_name(turn.execution.identity, turn.step.name, _LONGEST_TUNING_JOB_NAME)
    request = {**arguments, "HyperParameterTuningJobName": name}
    check("CreateHyperParameterTuningJob", request)
    job = turn.services.tuning.create(request)
    turn.run.metadata = {"TuningJob": {"Arn": job.arn}}
    _see_to_its_end(turn, job)
    summaries = [trial.summary() for trial in job.ranked()[:_MOST_SUMMARIES]]
    turn.run.properties = {**job.describe(), "TrainingJobSummaries": summaries}


def _condition(turn: Turn) -> None:
    outcome = all(holds(condition, turn.scope) for condition in turn.step.arguments["Conditions"])
    turn.run.outcome = outcome
    turn.run.metadata = {"Condition": {"Outcome": str(outcome)}}
    turn.run.properties = {"Outcome": str(outcome)}


def _register_model(turn: Turn) -> None:
    arguments = resolve(turn.step.arguments, turn.scope)
    check("CreateModelPackage", arguments)
    client = turn.services.connection.sagemaker
    group = arguments.get("ModelPackageGroupName")
    if group is not None:
        name = group.rsplit("/", 1)[-1]
        try:
            client.create_model_package_group(ModelPackageGroupName=name)
        except ClientError as error:
            if "already exists" not in error.response["Error"]["Message"]:
                raise
        arguments["ModelPackageGroupName"] = name
    package = client.create_model_package(**arguments)["ModelPackageArn"]
    turn.run.metadata = {"RegisterModel": {"Arn": package}}
    described = client.describe_model_package(ModelPackageName=package)
    turn.run.properties = json.loads(json.dumps(described, default=str))


def _fail(turn: Turn) -> None:
    message = as_text(resolve(turn.step.arguments["ErrorMessage"], turn.scope))
    turn.run.metadata = {"Fail": {"ErrorMessage": message}}
    raise StepFailed(message)


_TYPES: dict[str, Callable[[Turn], None]] = {
    "Processing": _processing,
    "Training": _training,
    "Tuning": _tuning,
    "Condition": _condition,
    "RegisterModel": _register_model,
    "Fail": _fail,
}


def _job_name(head: str, step: str, longest: int) -> str:
    """AWS's form: `<head>-<step>-<suffix>`, the step's name cut so that the whole fits."""
    suffix = "".join(secrets.choice(_SUFFIX) for _ in range(10))
    room = longest - len(head) - len(suffix) - 2
    return f"{head}-{step[:room].rstrip('-')}-{suffix}"

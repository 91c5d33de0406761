"""Steps that run a job and wait for its end: Processing, Training, Transform, Tuning."""

from __future__ import annotations

from pipelines.local.definitions.expressions import resolve
from pipelines.local.executions.turns import StepFailed, StepStopped, Turn, job_name
from pipelines.local.jobs.job import Job
from pipelines.local.jobs.processing import ProcessingJob
from pipelines.local.jobs.training import TrainingJob
from pipelines.local.shapes import check
from pipelines.local.transforms.job import TransformJob
from pipelines.local.tuning.job import TuningJob

_LONGEST_JOB_NAME = 63
_LONGEST_TUNING_JOB_NAME = 32
_MOST_SUMMARIES = 50  # of the training jobs that a tuning step's properties hold


def processing(turn: Turn) -> None:
    """Run a processing job."""
    _run_job(turn, ProcessingJob)


def training(turn: Turn) -> None:
    """Run a training job."""
    _run_job(turn, TrainingJob)


def transform(turn: Turn) -> None:
    """Run a batch transform job."""
    _run_job(turn, TransformJob)


def tuning(turn: Turn) -> None:
    """Run a tuning job."""
    arguments = resolve(turn.step.arguments, turn.scope)
    name = job_name(turn.execution.identity, turn.step.name, _LONGEST_TUNING_JOB_NAME)
    request = {**arguments, "HyperParameterTuningJobName": name}
    check("CreateHyperParameterTuningJob", request)
    turn.note("CreateHyperParameterTuningJob", request)
    job = turn.services.tuning.create(request)
    turn.run.metadata = {"TuningJob": {"Arn": job.arn}}
    _see_to_its_end(turn, job)
    summaries = [trial.summary() for trial in job.ranked()[:_MOST_SUMMARIES]]
    turn.run.properties = {**job.describe(), "TrainingJobSummaries": summaries}


def _run_job(turn: Turn, kind: type[Job]) -> None:
    arguments = resolve(turn.step.arguments, turn.scope)
    arguments.pop("ExperimentConfig", None)
    experiment = turn.execution.definition.experiment
    if experiment:  # as on AWS, the pipeline's own: its steps cannot choose another
        arguments["ExperimentConfig"] = resolve(experiment, turn.scope)
    name = job_name(f"pipelines-{turn.execution.identity}", turn.step.name, _LONGEST_JOB_NAME)
    request = {**arguments, kind.name_field(): name}
    check(f"Create{kind.kind.capitalize()}Job", request)
    turn.note(f"Create{kind.kind.capitalize()}Job", request)
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

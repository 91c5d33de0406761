"""What AWS bills for an execution: the seconds of every job that it started."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.cost.jobs import Job
from pipelines.cost.prices import InstanceMeter
from pipelines.target import Target


@dataclass(frozen=True)
class Billed:
    """The jobs of a step.

    Attributes:
        step: the step's name.
        meter: by which AWS bills them.
        instance_type: of their instances.
        instance_count: instances of each job.
        volume_gb: disk of each instance.
        jobs: how many there were.
        seconds: billed in this execution, of all jobs together, for each of a job's instances; 0 where it reused them.
        running_seconds: for which they ran; longer than `seconds` where spot instances were cheaper.
        note: what else there is to say; empty where there is nothing.
    """

    step: str
    meter: InstanceMeter
    instance_type: str
    instance_count: int
    volume_gb: float
    jobs: int
    seconds: float
    running_seconds: float
    note: str = ""

    def as_job(self) -> Job:
        """What would have been planned to be just this."""
        return Job(self.step, self.meter, self.instance_type, self.instance_count, self.volume_gb, None)


def billed_jobs(target: Target, execution: str) -> list[Billed]:
    """What the jobs of an execution were billed for, by step, in the order in which the steps started.

    A job that still runs is not counted yet. Of a step that was repeated AWS names the last job only; that is noted.
    """
    pages = target.sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=execution, SortOrder="Ascending"
    )
    steps = [step for page in pages for step in page["PipelineExecutionSteps"]]
    return [billed for step in steps if (billed := _of_step(target, step)) is not None]


def _of_step(target: Target, step: Any) -> Billed | None:
    for kind, (meter, describe) in _DESCRIBE.items():
        arn = step.get("Metadata", {}).get(kind, {}).get("Arn")
        if arn:
            return _total(step, meter, list(describe(target, arn.rsplit("/", 1)[-1])))
    return None


def _total(step: Any, meter: InstanceMeter, jobs: list["_Ran"]) -> Billed:
    reused, attempt = "CacheHitResult" in step, step.get("AttemptCount", 1)
    again = f"attempt {attempt}: earlier ones are not counted" if attempt > 1 else ""
    first = jobs[0] if jobs else _Ran({}, 0.0, 0.0)
    return Billed(
        step=step["StepName"],
        meter=meter,
        instance_type=first.cluster.get("InstanceType", ""),
        instance_count=first.cluster.get("InstanceCount", 1),
        volume_gb=first.cluster.get("VolumeSizeInGB", 0),
        jobs=len(jobs),
        seconds=0.0 if reused else sum(job.billed for job in jobs),
        running_seconds=sum(job.ran for job in jobs),
        note="reused from an earlier execution" if reused else again,
    )


@dataclass(frozen=True)
class _Ran:
    """A job: its cluster, and the seconds that it was billed for and ran."""

    cluster: Mapping[str, Any]
    billed: float
    ran: float


def _processing(target: Target, name: str) -> Iterator[_Ran]:
    job: Any = target.sagemaker.describe_processing_job(ProcessingJobName=name)
    seconds = _between(job.get("ProcessingStartTime"), job.get("ProcessingEndTime"))
    yield _Ran(job["ProcessingResources"]["ClusterConfig"], seconds, seconds)


def _training(target: Target, name: str) -> Iterator[_Ran]:
    job: Any = target.sagemaker.describe_training_job(TrainingJobName=name)
    ran = float(job.get("TrainingTimeInSeconds", 0))
    yield _Ran(job["ResourceConfig"], float(job.get("BillableTimeInSeconds", ran)), ran)


def _transform(target: Target, name: str) -> Iterator[_Ran]:
    job: Any = target.sagemaker.describe_transform_job(TransformJobName=name)
    seconds = _between(job.get("TransformStartTime"), job.get("TransformEndTime"))
    yield _Ran(job["TransformResources"], seconds, seconds)


def _search(target: Target, name: str) -> Iterator[_Ran]:
    pages = target.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=name
    )
    for page in pages:
        for trial in page["TrainingJobSummaries"]:
            yield from _training(target, trial["TrainingJobName"])


_DESCRIBE: Any = {
    "ProcessingJob": ("Processing", _processing),
    "TrainingJob": ("Training", _training),
    "TransformJob": ("Transform", _transform),
    "TuningJob": ("Training", _search),
}


def _between(start: datetime | None, end: datetime | None) -> float:
    return (end - start).total_seconds() if start and end else 0.0

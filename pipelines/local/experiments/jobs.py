"""Turns what a job's Describe call answers into what its trial component holds.

The names `SageMaker.InstanceType`, `SageMaker.ImageUri`, `SageMaker.ModelArtifact` and so on are those that AWS's
trial components have; the SDK's ExperimentAnalytics shows them as columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipelines.local.aws import Json

_NUMBER = re.compile(r"[+-]?(\d{1,200}(\.\d{0,200})?|\.\d{1,200})([eE][+-]?\d{1,2})?")
_LONGEST_TEXT = 2500  # characters of a parameter, as of AWS
_ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True)
class JobKind:
    """How a kind of job shows.

    Attributes:
        word: as in `TrainingJobName`.
        contents: parameters, input artifacts and output artifacts of a described job.
    """

    word: str
    contents: Callable[[Json], tuple[Json, Json, Json]]

    def component_name(self, job: Json) -> str:
        """The name of a job's trial component."""
        return f"{job[f'{self.word}JobName']}-aws-{self.word.lower()}-job"

    def source(self, job: Json) -> Json:
        """Where the component comes from."""
        return {"SourceArn": job[f"{self.word}JobArn"], "SourceType": f"SageMaker{self.word}Job"}

    def ended(self, job: Json) -> bool:
        """Whether the job has come to its end."""
        return job[f"{self.word}JobStatus"] in _ENDED

    def progress(self, job: Json) -> Json:
        """The fields that change while the job runs."""
        status = {"PrimaryStatus": job[f"{self.word}JobStatus"]}
        if "FailureReason" in job:
            status["Message"] = job["FailureReason"][:1024]
        times = {"StartTime": job.get(f"{self.word}StartTime"), "EndTime": job.get(f"{self.word}EndTime")}
        known = {name: value for name, value in times.items() if value is not None}
        return {"Status": status, **known, "OutputArtifacts": self.contents(job)[2]}

    def beginning(self, job: Json) -> Json:
        """The fields of the component as the job starts."""
        parameters, inputs, _ = self.contents(job)
        display = job.get("ExperimentConfig", {}).get("TrialComponentDisplayName")
        return {
            "TrialComponentName": self.component_name(job),
            **({"DisplayName": display} if display else {}),
            "Source": self.source(job),
            "Parameters": parameters,
            "InputArtifacts": inputs,
            **self.progress(job),
        }


def _training(job: Json) -> tuple[Json, Json, Json]:
    inputs = {}
    for channel in job.get("InputDataConfig", []):
        source = channel["DataSource"].get("S3DataSource")
        if source:
            inputs[channel["ChannelName"]] = _artifact(source["S3Uri"], channel.get("ContentType"))
    parameters = {name: _parameter(value) for name, value in job.get("HyperParameters", {}).items()}
    image = job["AlgorithmSpecification"].get("TrainingImage")
    model = job.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    return (
        {**parameters, **_resources(job.get("ResourceConfig", {}))},
        {**inputs, **_named("SageMaker.ImageUri", image)},
        _named("SageMaker.ModelArtifact", model),
    )


def _processing(job: Json) -> tuple[Json, Json, Json]:
    inputs = {
        each["InputName"]: _artifact(each["S3Input"]["S3Uri"])
        for each in job.get("ProcessingInputs", [])
        if "S3Input" in each
    }
    outputs = {
        each["OutputName"]: _artifact(each["S3Output"]["S3Uri"])
        for each in job.get("ProcessingOutputConfig", {}).get("Outputs", [])
        if "S3Output" in each
    }
    image = job["AppSpecification"]["ImageUri"]
    resources = _resources(job["ProcessingResources"]["ClusterConfig"])
    return resources, {**inputs, **_named("SageMaker.ImageUri", image)}, outputs


def _transform(job: Json) -> tuple[Json, Json, Json]:
    source, target = job["TransformInput"], job["TransformOutput"]["S3OutputPath"]
    uri = source["DataSource"]["S3DataSource"]["S3Uri"]
    parameters = {"SageMaker.ModelName": _parameter(job["ModelName"]), **_resources(job["TransformResources"])}
    inputs = {"SageMaker.TransformInput": _artifact(uri, source.get("ContentType"))}
    return parameters, inputs, _named("SageMaker.TransformOutput", target)


KINDS: Mapping[str, JobKind] = {
    "SageMaker Training Job State Change": JobKind("Training", _training),
    "SageMaker Processing Job State Change": JobKind("Processing", _processing),
    "SageMaker Transform Job State Change": JobKind("Transform", _transform),
}


def _resources(cluster: Json) -> Json:
    names = ("InstanceType", "InstanceCount", "VolumeSizeInGB")
    return {f"SageMaker.{name}": _parameter(cluster[name]) for name in names if name in cluster}


def _parameter(value: object) -> Json:
    """A number where it looks like one, as AWS shows hyperparameters."""
    text = str(value)
    if _NUMBER.fullmatch(text):
        return {"NumberValue": float(text)}
    return {"StringValue": text[:_LONGEST_TEXT]}


def _artifact(uri: str, media_type: str | None = None) -> Json:
    return {"Value": uri, **({"MediaType": media_type} if media_type else {})}


def _named(name: str, uri: str | None) -> Json:
    return {name: _artifact(uri)} if uri else {}

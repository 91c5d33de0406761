"""What a job was given, as its description in SageMaker's API tells, laid out for a folder of this machine.

The layout is the container contract: "How Amazon SageMaker AI Processing configures your processing container" and "How
Amazon SageMaker AI Provides Training Information" in the SageMaker developer guide.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.errors import PipelineError

HOST = "algo-1"
_CONTAINER_PATH = re.compile(r"(?<![\w./-])/opt/ml(?![\w.-])")
"""A path under /opt/ml at the start of a word; `s3://bucket/opt/ml` and `/srv/opt/ml` are none."""
_PROCESSING_CONFIG = (
    "ProcessingJobName",
    "AppSpecification",
    "Environment",
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "RoleArn",
    "StoppingCondition",
)


@dataclass(frozen=True)
class Input:
    """What lies in S3 and belongs into a folder.

    Attributes:
        uri: of an object, a prefix, or a manifest.
        manifest: whether it is a manifest.
        folder: below the base folder, such as `processing/input/model`.
        optional: whether there may be nothing.
    """

    uri: str
    manifest: bool
    folder: str
    optional: bool = False


@dataclass(frozen=True)
class Recipe:
    """A job that can be run in a folder; paths in texts are still the container's.

    Attributes:
        name: the job's.
        image: URI of its image; the last part of the repository's name tells whose `train` runs.
        command: entry point and arguments.
        environment: the job's variables.
        inputs: what it reads.
        outputs: folders below the base folder that it writes to.
        files: JSON content by file below the base folder.
        instances: how many it ran on.
        isolated: whether it was cut off the network.
    """

    name: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    files: Mapping[str, Any]
    instances: int
    isolated: bool


def processing_recipe(job: Mapping[str, Any]) -> Recipe:
    """The recipe of a processing job.

    Args:
        job: the answer of DescribeProcessingJob.

    Raises:
        PipelineError: the image alone knows what to run, or an input lies elsewhere than in S3.
    """
    application = job["AppSpecification"]
    if not application.get("ContainerEntrypoint"):
        raise PipelineError(f"{job['ProcessingJobName']} names no entry point: only its image knows what it runs")
    outputs = job.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return Recipe(
        name=job["ProcessingJobName"],
        image=application["ImageUri"],
        command=(*application["ContainerEntrypoint"], *application.get("ContainerArguments", [])),
        environment=job.get("Environment", {}),
        inputs=tuple(_processing_input(each) for each in job.get("ProcessingInputs", []) if not each.get("AppManaged")),
        outputs=tuple(_below(each["S3Output"]["LocalPath"]) for each in outputs if "S3Output" in each),
        files={
            "config/processingjobconfig.json": {name: job[name] for name in _PROCESSING_CONFIG if name in job},
            "config/resourceconfig.json": {"current_host": HOST, "hosts": [HOST]},
        },
        instances=job["ProcessingResources"]["ClusterConfig"]["InstanceCount"],
        isolated=job.get("NetworkConfig", {}).get("EnableNetworkIsolation", False),
    )


def training_recipe(job: Mapping[str, Any]) -> Recipe:
    """The recipe of a training job; it begins with the checkpoints that there are.

    Args:
        job: the answer of DescribeTrainingJob.

    Raises:
        PipelineError: an input lies elsewhere than in S3.
    """
    algorithm = job["AlgorithmSpecification"]
    channels = job.get("InputDataConfig", [])
    checkpoints = job.get("CheckpointConfig")
    kept = [_checkpoints(checkpoints)] if checkpoints else []
    config = "input/config"
    return Recipe(
        name=job["TrainingJobName"],
        image=algorithm.get("TrainingImage", ""),
        command=(*algorithm.get("ContainerEntrypoint", ["train"]), *algorithm.get("ContainerArguments", [])),
        environment={"TRAINING_JOB_NAME": job["TrainingJobName"], **job.get("Environment", {})},
        inputs=(*(_channel(each) for each in channels), *kept),
        outputs=("model", "output/data", "checkpoints"),
        files={
            f"{config}/hyperparameters.json": job.get("HyperParameters", {}),
            f"{config}/inputdataconfig.json": {each["ChannelName"]: _channel_config(each) for each in channels},
            f"{config}/resourceconfig.json": {
                "current_host": HOST,
                "hosts": [HOST],
                "network_interface_name": "lo",
            },
        },
        instances=job["ResourceConfig"].get("InstanceCount", 1),
        isolated=job.get("EnableNetworkIsolation", False),
    )


def placed(text: str, base: str) -> str:
    """`text` with each path under `/opt/ml` replaced by the same path under `base`."""
    return _CONTAINER_PATH.sub(lambda _: base, text)


def _processing_input(declared: Mapping[str, Any]) -> Input:
    source = declared.get("S3Input")
    if source is None:
        raise PipelineError(f"input {declared['InputName']} lies elsewhere than in S3: it cannot be fetched")
    return Input(source["S3Uri"], source.get("S3DataType") == "ManifestFile", _below(source["LocalPath"]))


def _channel(channel: Mapping[str, Any]) -> Input:
    source = channel.get("DataSource", {}).get("S3DataSource")
    if source is None:
        raise PipelineError(f"channel {channel['ChannelName']} lies elsewhere than in S3: it cannot be fetched")
    return Input(source["S3Uri"], source["S3DataType"] == "ManifestFile", f"input/data/{channel['ChannelName']}")


def _checkpoints(config: Mapping[str, Any]) -> Input:
    uri = config["S3Uri"].rstrip("/") + "/"
    return Input(uri, manifest=False, folder=_below(config.get("LocalPath", "/opt/ml/checkpoints")), optional=True)


def _channel_config(channel: Mapping[str, Any]) -> dict[str, str]:
    config = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    return {**config, **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {})}


def _below(path: str) -> str:
    """A container path relative to `/opt/ml`.

    Raises:
        PipelineError: it lies elsewhere; nothing outside the job's folder is written here.
    """
    relative = path.removeprefix("/opt/ml/")
    if relative == path or ".." in relative.split("/"):
        raise PipelineError(f"the job uses the path {path}, which is not below /opt/ml: it cannot be placed here")
    return relative

"""Refuses training jobs that AWS would refuse, or that ask for what only AWS can do."""

from __future__ import annotations

from pipelines.local.aws import Json, invalid
from pipelines.local.jobs.job import check_path, check_unique, unsupported
from pipelines.local.jobs.metrics import PatternError, check_pattern

_ON_AWS_ONLY = ("DebugRuleConfigurations", "MlflowConfig", "ModelPackageConfig", "ServerlessJobConfig")


def check_training(request: Json) -> None:
    """Check the input of CreateTrainingJob beyond its shape.

    Raises:
        ApiError: the first problem found.
    """
    algorithm = request.get("AlgorithmSpecification", {})
    if "TrainingImage" not in algorithm:
        raise unsupported("a training job without AlgorithmSpecification.TrainingImage")
    for field in _ON_AWS_ONLY:
        if field in request:
            raise unsupported(f"{field} of training jobs")
    for field in ("OutputDataConfig", "ResourceConfig"):
        if field not in request:
            raise invalid(f"A training job needs {field}.")
    for field in ("InstanceGroups", "InstancePreferences"):
        if field in request["ResourceConfig"]:
            raise unsupported(f"ResourceConfig.{field}; give an InstanceType and an InstanceCount")
    for field in ("CheckpointConfig", "TensorBoardOutputConfig"):
        if "LocalPath" in request.get(field, {}):
            check_path(request[field]["LocalPath"], field)
    _check_spot(request)
    _check_metrics(algorithm.get("MetricDefinitions", []))
    channels = request.get("InputDataConfig", [])
    check_unique((channel["ChannelName"] for channel in channels), "channels")
    for channel in channels:
        _check_channel(channel, algorithm.get("TrainingInputMode", "File"))


def _check_spot(request: Json) -> None:
    limits = request.get("StoppingCondition", {})
    if "MaxWaitTimeInSeconds" not in limits:
        return
    if not request.get("EnableManagedSpotTraining"):
        raise invalid(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
        )
    if limits["MaxWaitTimeInSeconds"] < limits.get("MaxRuntimeInSeconds", 0):
        raise invalid("Invalid MaxWaitTimeInSeconds. It must be greater than or equal to MaxRuntimeInSeconds")


def _check_metrics(definitions: list[Json]) -> None:
    for definition in definitions:
        try:
            check_pattern(definition["Regex"])
        except PatternError as error:
            raise invalid(f"The Regex of metric '{definition['Name']}' {error}.") from error


def _check_channel(channel: Json, default_mode: str) -> None:
    name = channel["ChannelName"]
    if not name.strip("."):
        raise invalid(f"'{name}' cannot be the name of a channel: it is also its folder's.")
    source = channel["DataSource"].get("S3DataSource")
    if source is None or source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise unsupported(f"the data source of channel '{name}'; use an S3Prefix or a ManifestFile")
    if "InstanceGroupNames" in source:
        raise unsupported(f"InstanceGroupNames (channel '{name}')")
    if channel.get("InputMode", default_mode) == "Pipe":
        raise unsupported(f"input mode Pipe (channel '{name}'); use File or FastFile")
    for field in ("CompressionType", "RecordWrapperType"):
        if channel.get(field, "None") != "None":
            raise invalid(f"{field} {channel[field]} of channel '{name}' needs input mode Pipe; in File mode use None.")

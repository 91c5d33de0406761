"""What one does with a pipeline: put it up, start it, list its models, approve one. The same on AWS and locally."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from botocore.exceptions import ClientError

from pipelines.checks.check import refuse_faulty
from pipelines.code import read_bundles, upload
from pipelines.config import Config
from pipelines.deployed import deployed_pipeline
from pipelines.diff.deployed import Deployed, read_deployed, upsert_changes
from pipelines.errors import PipelineError
from pipelines.executions.parameters import check_parameters
from pipelines.results import read_json
from pipelines.surroundings import require_bucket, require_function
from pipelines.target import Target

Report = Callable[[str], None]
Decision = Literal["Approved", "Rejected"]


@dataclass(frozen=True)
class ModelVersion:
    """A version in the model registry.

    Attributes:
        version: number within the group, from 1.
        arn: the model package's ARN.
        status: PendingManualApproval, Approved or Rejected.
        created: when it was registered.
        accuracy: share of test images counted right; None when the package has no figures that can be read.
        rmse: root mean squared error in items; None likewise.
    """

    version: int
    arn: str
    status: str
    created: datetime
    accuracy: float | None
    rmse: float | None


def upsert(target: Target, config: Config, definition: str, report: Report) -> str:
    """Put code and definition up; return the pipeline's ARN.

    A definition that breaks a rule is refused. Code goes first: a definition never points at code that is not there. A
    pipeline that is as it should be gets no new version.

    What else a pipeline needs is its stack's.

    Args:
        target: where to.
        config: the configuration, placed in the target.
        definition: what `compile_definition` made of it.
        report: told in a line what is done.

    Raises:
        PipelineError: the definition breaks a rule of `pipelines.checks`, or the bucket or the function that deploys is
            missing.
    """
    refuse_faulty(definition, config)
    require_bucket(target, config)
    require_function(target, config)
    for bundle in read_bundles().values():
        upload(bundle, config.bucket, target.s3, report)
    deployed = read_deployed(target, config.name)
    if deployed is not None:
        return _update(target, config, definition, deployed, report)
    arn = target.sagemaker.create_pipeline(
        PipelineName=config.name,
        PipelineDefinition=definition,
        PipelineDescription=config.description,
        RoleArn=config.role,
        ClientRequestToken=uuid4().hex,
    )["PipelineArn"]
    report(f"created {arn}")
    return arn


def start(target: Target, pipeline: str, parameters: Mapping[str, str]) -> str:
    """Start an execution with these parameter values and return its ARN.

    Raises:
        PipelineError: there is no such pipeline, or a parameter is not known or has a value that is not allowed.
    """
    check_parameters(deployed_pipeline(target, pipeline)["PipelineDefinition"], parameters)
    return target.sagemaker.start_pipeline_execution(
        PipelineName=pipeline,
        PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
        ClientRequestToken=uuid4().hex,
    )["PipelineExecutionArn"]


def latest_execution(target: Target, pipeline: str) -> str:
    """ARN of the execution started last.

    Raises:
        PipelineError: the pipeline has none, or there is no such pipeline.
    """
    deployed_pipeline(target, pipeline)
    found = target.sagemaker.list_pipeline_executions(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )["PipelineExecutionSummaries"]
    if not found:
        raise PipelineError(f"pipeline {pipeline} has no execution yet: start one with `make start`")
    return found[0]["PipelineExecutionArn"]


def list_models(target: Target, group: str, most: int | None = None) -> list[ModelVersion]:
    """The versions in a model package group, or the newest `most`, newest first; none when there is no such group."""
    return [describe_model(target, arn) for arn in _packages(target, group)[:most]]


def _packages(target: Target, group: str) -> list[str]:
    """ARNs of the group's model packages, newest first."""
    pages = target.sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
    )
    try:
        return [summary["ModelPackageArn"] for page in pages for summary in page["ModelPackageSummaryList"]]
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return []
        raise


def describe_model(target: Target, arn: str) -> ModelVersion:
    """A version of the registry with the figures it was registered with."""
    package = target.sagemaker.describe_model_package(ModelPackageName=arn)
    uri = package.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {}).get("S3Uri")
    try:
        figures = read_json(target, uri) if uri else {}
    except (PipelineError, ClientError):
        figures = {}  # who may decide on a model need not be able to read its figures
    return ModelVersion(
        version=package["ModelPackageVersion"],
        arn=arn,
        status=package["ModelApprovalStatus"],
        created=package["CreationTime"],
        accuracy=_value(figures, "multiclass_classification_metrics", "accuracy"),
        rmse=_value(figures, "regression_metrics", "rmse"),
    )


def decide(target: Target, group: str, version: int | None, decision: Decision, comment: str) -> ModelVersion:
    """Approve or reject a version, the latest by default, and return it as it is then.

    Raises:
        PipelineError: the group has no such version.
    """
    packages = {int(arn.rpartition("/")[2]): arn for arn in _packages(target, group)}
    if not packages:
        raise PipelineError(f"model group {group} holds no model yet")
    if version is not None and version not in packages:
        known = ", ".join(str(number) for number in sorted(packages))
        raise PipelineError(f"model group {group} has no version {version}; versions are {known}")
    arn = packages[max(packages) if version is None else version]
    target.sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus=decision, ApprovalDescription=comment or f"{decision} by hand"
    )
    return describe_model(target, arn)


def _value(figures: Mapping[str, Any], family: str, name: str) -> float | None:
    try:
        return float(figures[family][name]["value"])
    except (KeyError, TypeError, ValueError):
        return None


def _update(target: Target, config: Config, definition: str, deployed: Deployed, report: Report) -> str:
    changed = upsert_changes(deployed, config, definition)
    if not changed:
        report(f"unchanged {deployed.arn}")
        return deployed.arn
    for sentence in changed:
        report(f"  {sentence}")
    answer = target.sagemaker.update_pipeline(
        PipelineName=config.name,
        PipelineDefinition=definition,
        PipelineDescription=config.description,
        RoleArn=config.role,
    )
    report(f"updated {answer['PipelineArn']} to version {answer['PipelineVersionId']}")
    return answer["PipelineArn"]

"""The versions of a model package group: which may be live, and where they come from."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

_LARGEST_FIGURES = 1024 * 1024  # bytes
_TAGGED_FIGURES = {"accuracy": "multiclass_classification_metrics", "rmse": "regression_metrics"}


@dataclass(frozen=True)
class Package:
    """A version of the registry.

    Attributes:
        arn: the model package's ARN.
        group: its model package group.
        version: number within the group, from 1.
        status: PendingManualApproval, Approved or Rejected.
        metadata: what the pipeline noted about it, such as the S3 folder of the training code.
        figures_uri: S3 URI of the figures of its evaluation; empty where it has none.
    """

    arn: str
    group: str
    version: int
    status: str
    metadata: dict[str, str] = field(default_factory=dict)
    figures_uri: str = ""


def read_package(sagemaker: "SageMakerClient", arn: str) -> Package:
    """The package of this ARN, as it is now."""
    found: Any = sagemaker.describe_model_package(ModelPackageName=arn)
    return Package(
        arn=found["ModelPackageArn"],
        group=found["ModelPackageGroupName"],
        version=found["ModelPackageVersion"],
        status=found["ModelApprovalStatus"],
        metadata=found.get("CustomerMetadataProperties", {}),
        figures_uri=found.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {}).get("S3Uri", ""),
    )


def latest_approved(sagemaker: "SageMakerClient", group: str) -> Package | None:
    """The approved package of the highest version; the order of events then does not matter."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved"
    )
    arns = [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]]
    if not arns:
        return None
    return read_package(sagemaker, max(arns, key=lambda arn: int(arn.rpartition("/")[2])))


def describing_tags(package: Package, s3: "S3Client") -> list[dict[str, str]]:
    """Tags that tell which package something was made of, by which code, and how good it is."""
    tags = {"model-package": package.arn, **package.metadata, **_figures(package.figures_uri, s3)}
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _figures(uri: str, s3: "S3Client") -> dict[str, str]:
    """Accuracy and RMSE; none where the figures cannot be read, since a deployment does not depend on them."""
    if not uri:
        return {}
    place = urlsplit(uri)
    try:
        body = s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read(_LARGEST_FIGURES)
        figures = json.loads(body)
        return {
            name: f"{figures[family][name]['value']:.4f}"
            for name, family in _TAGGED_FIGURES.items()
            if family in figures
        }
    except (BotoCoreError, ClientError, ValueError, KeyError, TypeError):
        return {}

"""The latest approved model package of a group in the SageMaker Model Registry."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from steps.contract import StepError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True)
class ApprovedPackage:
    """An approved model package.

    Attributes:
        arn: of the package.
        version: its number in the group.
        artifact: URI of its model.tar.gz.
    """

    arn: str
    version: int
    artifact: str


def sagemaker_client() -> "SageMakerClient":
    """A client in the job's region, which jobs learn from `AWS_REGION`, a variable that boto3 does not read."""
    patience = Config(connect_timeout=10, retries={"mode": "standard", "total_max_attempts": 5})
    return boto3.client("sagemaker", region_name=os.environ.get("AWS_REGION"), config=patience)


def latest_approved(group: str) -> ApprovedPackage | None:
    """The newest approved package of the group; None when there is none, or no such group yet.

    Raises:
        StepError: the registry cannot be asked.
    """
    try:
        client = sagemaker_client()
        pages = client.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
        )
        newest = next((found for page in pages for found in page["ModelPackageSummaryList"]), None)
        if newest is None:
            return None
        package = client.describe_model_package(ModelPackageName=newest["ModelPackageArn"])
    except (ClientError, BotoCoreError) as error:
        if "does not exist" in str(error):
            return None
        raise StepError(
            f"the registry cannot be asked for the approved models of group {group}: {error}; allow the job's role "
            "sagemaker:ListModelPackages and sagemaker:DescribeModelPackage"
        ) from None
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    artifact = containers[0].get("ModelDataUrl", "") if containers else ""
    return ApprovedPackage(package["ModelPackageArn"], package["ModelPackageVersion"], artifact)

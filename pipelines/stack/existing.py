"""What an earlier stack left, or another one made: it is used, not made again."""

from typing import Any

from botocore.exceptions import ClientError

from pipelines.config import Config
from pipelines.errors import PipelineError
from pipelines.stack.parameters import repositories
from pipelines.target import Target


def parameters_for_existing(target: Target, config: Config) -> dict[str, str]:
    """The values of the stack's parameters that tell it what it need not make.

    A stack that is deleted leaves its bucket with the key, its models and its images; the next one takes them up.

    Raises:
        PipelineError: the bucket is somebody else's.
    """
    own = _logical_ids(target, config.name)
    parameters = {}
    if "Bucket" not in own and bucket_exists(target, config.bucket):
        parameters["MakeBucket"] = "false"
        if "Key" not in own and not config.kms_key:
            parameters["KeyArn"] = key_of_bucket(target, config.bucket)
    if "ModelPackageGroup" not in own and _group_exists(target, config.register_.group):
        parameters["MakeModelGroup"] = "false"
    named = list(repositories(config, target.account, target.region).values())
    if not named or ("ServingImages" not in own and _a_repository_exists(target, named)):
        parameters["MakeRepositories"] = "false"
    return parameters


def bucket_exists(target: Target, bucket: str) -> bool:
    """Whether the bucket is there.

    Raises:
        PipelineError: it is somebody else's.
    """
    try:
        target.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=target.account)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "403":
            raise PipelineError(
                f"bucket {bucket} exists but is not yours to use: name another in the preset's field `bucket`"
            ) from None
        if code == "404":
            return False
        raise
    return True


def refuse_foreign_role(target: Target, name: str) -> None:
    """Check that no role has the name that a new stack will give to its pipeline's: roles have no region.

    Raises:
        PipelineError: one has.
    """
    iam, role = target.client("iam"), f"{name}-pipeline"
    try:
        iam.get_role(RoleName=role)
    except iam.exceptions.NoSuchEntityException:
        return
    raise PipelineError(
        f"role {role} exists already, made by a stack {name} in another region or by hand, and roles are one set for "
        "all regions: set the preset's `name` to another, or remove what has made it"
    )


def _logical_ids(target: Target, stack: str) -> set[str]:
    """What the stack holds, by its names in the template; nothing where there is no stack."""
    try:
        found = target.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return set()
        raise
    return {each["LogicalResourceId"] for each in found if each["ResourceStatus"] != "DELETE_COMPLETE"}


def key_of_bucket(target: Target, bucket: str) -> str:
    """The key that encrypts a bucket; empty where it is AWS's own."""
    try:
        found: Any = target.s3.get_bucket_encryption(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ServerSideEncryptionConfigurationNotFoundError":
            return ""
        raise
    (rule,) = found["ServerSideEncryptionConfiguration"]["Rules"]
    key: str = rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID", "")
    return key if key.startswith("arn:") and ":key/" in key else ""


def _group_exists(target: Target, group: str) -> bool:
    pages = target.sagemaker.get_paginator("list_model_package_groups").paginate(NameContains=group)
    return any(
        each["ModelPackageGroupName"] == group for page in pages for each in page["ModelPackageGroupSummaryList"]
    )


def _a_repository_exists(target: Target, names: list[str]) -> bool:
    registry = target.client("ecr")
    for name in names:
        try:
            registry.describe_repositories(repositoryNames=[name])
        except registry.exceptions.RepositoryNotFoundException:
            continue
        return True
    return False

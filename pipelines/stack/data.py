"""The data of a stack: bucket and key, whether they are this stack's to remove, and their removal."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console

from pipelines.config import Config
from pipelines.errors import PipelineError
from pipelines.stack.existing import bucket_exists, key_of_bucket
from pipelines.target import Target

TAG = "pipeline"
"""Tag of a stack, which CloudFormation gives to all that the stack makes; its value is the stack's name."""

KEY_DAYS = 30
"""Until a key is gone, and in which that can be taken back; the most that KMS allows."""


@dataclass(frozen=True)
class Data:
    """What may be removed with a stack.

    Attributes:
        bucket: empty where it stays, or is not there.
        key: ARN; empty where it stays, or there is none.
        staying: what stays, and why, a line each.
    """

    bucket: str
    key: str
    staying: tuple[str, ...]


def find_data(target: Target, config: Config, known_key: str) -> Data:
    """Bucket and key of a pipeline, as far as its stack has made them and no other stack of the region uses them.

    Args:
        target: where.
        config: the configuration, as `Config.placed` answers it.
        known_key: ARN that the stack tells; empty for the bucket's own, where there is no stack any more.

    Raises:
        PipelineError: the bucket is somebody else's.
    """
    bucket = config.bucket
    if not bucket_exists(target, bucket):
        return Data("", "", ())
    key = known_key or key_of_bucket(target, bucket)
    others = list(_other_stacks(target, config.name))
    kept = _reason(_maker_of_bucket(target, bucket), config.name, _users(others, "Bucket", bucket))
    staying = [f"bucket {bucket}, {kept}"] if kept else []
    if key:
        # Whatever stays in the bucket is read by the key.
        why = kept or _reason(_maker_of_key(target, key, config), config.name, _users(others, "KeyArn", key))
        if why:
            staying.append(f"key {key}, {why}")
            key = ""
    return Data("" if kept else bucket, key, tuple(staying))


def remove_data(target: Target, data: Data, console: Console) -> None:
    """Empty and remove the bucket, and have its key deleted after 30 days.

    Raises:
        PipelineError: an object cannot be removed.
    """
    if data.bucket:
        removed = _empty(target, data.bucket)
        target.s3.delete_bucket(Bucket=data.bucket)
        console.print(f"removed the bucket {data.bucket} with {removed:,} objects and earlier versions", soft_wrap=True)
    if data.key:
        try:
            target.client("kms").schedule_key_deletion(KeyId=data.key.rpartition("/")[2], PendingWindowInDays=KEY_DAYS)
        except ClientError as error:
            if "pending deletion" not in error.response["Error"].get("Message", ""):
                raise
        console.print(f"the key {data.key} will be deleted in {KEY_DAYS} days", soft_wrap=True)


def _reason(maker: str, stack: str, users: list[str]) -> str:
    """Why something stays, in words; empty where it may go."""
    if maker != stack:
        return f"which the stack {maker} has made" if maker else f"which the stack {stack} has not made"
    return f"which {'stacks use' if len(users) > 1 else 'another stack uses'}: {', '.join(users)}" if users else ""


def _other_stacks(target: Target, own: str) -> Iterator[dict[str, Any]]:
    pages = target.client("cloudformation").get_paginator("describe_stacks").paginate()
    yield from (each for page in pages for each in page["Stacks"] if each["StackName"] != own)


def _users(stacks: list[dict[str, Any]], output: str, value: str) -> list[str]:
    """Names of the stacks that put out a value, as all of this template do that use it."""
    return [
        each["StackName"]
        for each in stacks
        if any((found["OutputKey"], found["OutputValue"]) == (output, value) for found in each.get("Outputs", []))
    ]


def _maker_of_bucket(target: Target, bucket: str) -> str:
    try:
        tags = target.s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchTagSet":
            return ""
        raise
    return next((tag["Value"] for tag in tags if tag["Key"] == TAG), "")


def _maker_of_key(target: Target, key: str, config: Config) -> str:
    if config.kms_key or f":{target.account}:" not in key:  # the preset's, or one whose tags only its account sees
        return ""
    pages = target.client("kms").get_paginator("list_resource_tags").paginate(KeyId=key)
    return next((tag["TagValue"] for page in pages for tag in page["Tags"] if tag["TagKey"] == TAG), "")


def _empty(target: Target, bucket: str) -> int:
    """Remove every version of every object; how many they were."""
    removed = 0
    for page in target.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions: list[Any] = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if not versions:
            continue
        named: Any = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
        failed = target.s3.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True}).get("Errors", [])
        if failed:
            raise PipelineError(
                f"{failed[0].get('Key')} in bucket {bucket} cannot be removed: {failed[0].get('Message')}"
            )
        removed += len(named)
    return removed

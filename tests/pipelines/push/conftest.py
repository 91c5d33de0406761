"""An embedded SageMaker's S3 with a bucket of our own."""

import io
from collections.abc import Callable
from uuid import uuid4

import pytest
from rich.console import Console

from pipelines.target import Target


@pytest.fixture
def bucket(target: Target) -> str:
    name = f"photos-{uuid4().hex[:12]}"
    target.s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def stored(target: Target, bucket: str) -> Callable[[], dict[str, bytes]]:
    """What the bucket holds, by key."""

    def read() -> dict[str, bytes]:
        listed = target.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {each["Key"]: target.s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in listed}

    return read


@pytest.fixture
def console() -> Console:
    """What is printed is in `console.file`."""
    return Console(file=io.StringIO(), width=200)

"""A bucket as a place to send files to: what is there, and how a small and a large file get there.

Small files go through obstore, several times as many a second as through boto3 (tests/benchmarks/test_push.py). Large
ones go through boto3's own transfer manager, as fast as their bytes allow: it takes back the parts of an upload that is
given up. S3 checks both against a checksum that travels with them, and keeps it.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import obstore
from botocore.exceptions import ClientError
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store
from s3transfer.futures import TransferFuture
from s3transfer.manager import TransferConfig, TransferManager
from s3transfer.subscribers import BaseSubscriber

from pipelines.errors import PipelineError
from pipelines.push.checksums import PART_BYTES, same_content
from pipelines.push.folder import LocalFile
from pipelines.target import Target
from steps.buckets import PUBLIC_BUCKETS, open_bucket
from steps.contract import StepError
from steps.listing import unreadable_name

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SMALL_BYTES = 4 << 20
"""Files up to here are held in memory, one for each of the sender's threads."""

TIMEOUT_SECONDS = 600
"""For one small file: all threads together may share a slow line."""

MAX_RETRIES = 10
PARTS_AT_ONCE = 10
LARGE_AT_ONCE = 4
LARGE = TransferConfig(
    multipart_threshold=2 * PART_BYTES, multipart_chunksize=PART_BYTES, max_request_concurrency=PARTS_AT_ONCE
)

Told = Callable[[int, int], None]
"""Is told of bytes and of whole files that are done, in any thread."""


@dataclass(frozen=True)
class Destination:
    """A bucket to write to.

    Attributes:
        name: the bucket's.
        client: compares, and sends what is large.
        store: sends what is small.
    """

    name: str
    client: "S3Client"
    store: S3Store

    @classmethod
    def open(cls, target: Target, bucket: str) -> "Destination":
        """Open a bucket.

        Raises:
            PipelineError: it can only be read.
        """
        if bucket in PUBLIC_BUCKETS:
            raise PipelineError(f"s3://{bucket} is a public bucket that can only be read: name a bucket of yours")
        try:
            store = open_bucket(bucket, MAX_RETRIES, TIMEOUT_SECONDS).store
        except StepError as error:
            raise PipelineError(str(error)) from error
        return cls(bucket, target.s3, store)

    def sizes(self, prefix: str) -> dict[str, int]:
        """Size in bytes of each object below a prefix, by key.

        Raises:
            PipelineError: there is no such bucket.
        """
        folder = f"{prefix}/" if prefix else ""
        try:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=folder)
            return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", ())}
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchBucket":
                raise PipelineError(f"there is no bucket {self.name}: `make deploy-stack` makes a preset's") from None
            raise

    def holds(self, file: LocalFile) -> bool:
        """Whether the object of a file's key, which has its size, has its content too."""
        head = self.client.head_object(Bucket=self.name, Key=file.key, ChecksumMode="ENABLED")
        return same_content(head, file.path)

    def send_small(self, file: LocalFile) -> None:
        """Send a file that `is_small` in one request.

        Raises:
            PipelineError: S3 does not take it.
        """
        try:
            obstore.put(self.store, file.key, file.path.read_bytes(), use_multipart=False)
        except BaseError as error:
            told = f"{file.path} cannot be sent to s3://{self.name}: {_reason(error)}"
            raise PipelineError(f"{told}; what has arrived stays, and the same command sends the rest") from error

    def send_large(self, files: Iterable[LocalFile], told: Told) -> None:
        """Send files of any size and name, in parts where they are large; all parts or none stay.

        Raises:
            ClientError: S3 refuses.
            BotoCoreError: S3 does not answer.
        """
        subscriber: Any = _Listener(told)
        waiting: deque[TransferFuture] = deque()
        with TransferManager(self.client, LARGE) as manager:
            for file in files:
                checked = {"ChecksumAlgorithm": "CRC32"}
                waiting.append(manager.upload(str(file.path), self.name, file.key, checked, [subscriber]))
                if len(waiting) == LARGE_AT_ONCE:
                    waiting.popleft().result()
            for future in waiting:
                future.result()


def is_small(file: LocalFile) -> bool:
    """Whether a file is sent in one request by obstore, which does not know every name that S3 does."""
    return file.size <= SMALL_BYTES and unreadable_name(file.key) is None


def _reason(error: BaseError) -> str:
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return "access is denied, allow s3:PutObject to who runs this"
    code = re.search(r"<Code>(\w+)</Code>", str(error))
    return code[1] if code else " ".join(str(error).split())[:300]


class _Listener(BaseSubscriber):
    def __init__(self, told: Told) -> None:
        self._told = told

    def on_progress(self, future: TransferFuture, bytes_transferred: int, **_: Any) -> None:  # noqa: ARG002
        """Pass on how many bytes went; negative when a part is sent again."""
        self._told(bytes_transferred, 0)

    def on_done(self, future: TransferFuture, **_: Any) -> None:  # noqa: ARG002
        """Pass on that a file ended."""
        self._told(0, 1)

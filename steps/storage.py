"""Read objects of an s3:// bucket or a file:// folder, by URI.

The Rust object_store library behind obstore keeps connections open, retries with back-off and releases the interpreter
lock, so plain threads fetch concurrently: see `steps/parallel.py`.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, unquote

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, S3Store

from steps.contract import StepError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

PUBLIC_BUCKETS = {"aft-vbi-pds": "us-east-1"}
"""Region of each public bucket of the AWS Open Data registry that is read without signing, so that no account, and no
right of the job's role, is needed. `AWS_ENDPOINT_URL` applies to them too."""

LIST_CHUNK = 1000
"""Objects per step of a listing: what S3 answers at once."""

_Store: TypeAlias = S3Store | LocalStore


class UnreadableObjectError(Exception):
    """One object is gone or too large; its text says which of them. Others can be read."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that was listed.

    Attributes:
        name: its path below the listed URI, without a leading slash.
        uri: where it lies; `Storage.read` takes it.
        size: in bytes.
    """

    name: str
    uri: str
    size: int


@dataclass(frozen=True)
class _Location:
    """A URI taken apart: for file:// the root is empty and the path is absolute without its first slash."""

    scheme: str
    root: str
    path: str

    def uri(self, path: str) -> str:
        """The URI of `path` under the same root; only file:// URIs are percent-encoded."""
        return f"s3://{self.root}/{path}" if self.scheme == "s3" else f"file:///{quote(path)}"


class Storage:
    """Reads s3:// and file:// URIs; safe to share between threads.

    S3 is reached as the standard AWS configuration says: credentials and region from the environment, the container's
    role or a profile; the endpoint from `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`.
    """

    def __init__(self, max_retries: int = 10) -> None:
        """Open nothing yet.

        Args:
            max_retries: how often a request is repeated after a server or connection error, with exponential back-off.
        """
        self._max_retries = max_retries
        self._stores: dict[str, _Store] = {}
        self._lock = Lock()

    def list(self, uri: str) -> Iterator[StoredObject]:
        """List what lies below the folder `uri`, at any depth; nothing for a folder that is empty or absent.

        Raises:
            StepError: `uri` is no s3:// or file:// URI, its bucket is missing, or access is denied.
        """
        folder = _locate(uri)
        prefix = folder.path.rstrip("/")
        start = len(prefix) + 1 if prefix else 0
        try:
            for chunk in self._store(folder).list(prefix or None, chunk_size=LIST_CHUNK):
                for meta in chunk:
                    # The empty object "folder/" that consoles make to show a folder is listed as the folder itself.
                    if meta["path"] != prefix:
                        yield StoredObject(meta["path"][start:], folder.uri(meta["path"]), meta["size"])
        except (BaseError, OSError, ValueError) as error:
            raise _failure("list", uri, error) from error

    def read(self, uri: str, max_bytes: int) -> bytes:
        """Read the object at `uri`.

        Raises:
            UnreadableObjectError: it does not exist, or is larger than `max_bytes`, in which case it is not fetched.
            StepError: `uri` is no s3:// or file:// URI, its bucket is missing, access is denied, or the server still
                fails after all retries.
        """
        location = _locate(uri)
        try:
            answer = self._store(location).get(location.path)
            size = answer.meta["size"]
            if size > max_bytes:
                raise UnreadableObjectError(f"larger than allowed: {size:,} bytes of at most {max_bytes:,}")
            return bytes(answer.bytes())
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise _failure("read", uri, error) from error
            raise UnreadableObjectError("does not exist") from None
        except (BaseError, OSError, ValueError) as error:
            raise _failure("read", uri, error) from error

    def _store(self, location: _Location) -> _Store:
        with self._lock:
            if location.root not in self._stores:
                self._stores[location.root] = (
                    _open_bucket(location.root, self._max_retries) if location.scheme == "s3" else LocalStore()
                )
            return self._stores[location.root]


def _locate(uri: str) -> _Location:
    scheme, separator, rest = uri.partition("://")
    if separator and scheme == "s3":
        bucket, _, key = rest.partition("/")
        if bucket:
            return _Location(scheme, bucket, key)
    if separator and scheme == "file" and rest.startswith("/"):
        return _Location(scheme, "", os.path.normpath(unquote(rest)).lstrip("/"))
    raise StepError(f"{uri!r} is not a place to read from: write s3://bucket/prefix or file:///absolute/path")


def _open_bucket(bucket: str, max_retries: int) -> S3Store:
    retries: RetryConfig = {"max_retries": max_retries}
    if bucket in PUBLIC_BUCKETS:
        config = _config(bucket, PUBLIC_BUCKETS[bucket])
        return S3Store(bucket, config=config, client_options=_client(), retry_config=retries, skip_signature=True)
    session = boto3.Session()
    if session.get_credentials() is None:
        raise StepError(f"no AWS credentials to read s3://{bucket} with: set AWS_PROFILE or give the job a role")
    return S3Store(
        bucket,
        config=_config(bucket, _bucket_region(session, bucket)),
        client_options=_client(),
        retry_config=retries,
        credential_provider=Boto3CredentialProvider(session),
    )


def _endpoint() -> str | None:
    """Address of S3 where it is not AWS's own."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def _config(bucket: str, region: str) -> "S3Config":
    if endpoint := _endpoint():
        return {"region": region, "endpoint": endpoint, "virtual_hosted_style_request": False}
    # AWS's certificates cover one label before its domain.
    return {"region": region, "virtual_hosted_style_request": "." not in bucket}


def _client() -> "ClientConfig":
    return {"allow_http": (_endpoint() or "").startswith("http://")}


def _bucket_region(session: boto3.Session, bucket: str) -> str:
    """The region that the bucket lies in, wherever the job runs.

    S3 tells it in a header even to those who may not list the bucket. A job learns its own region from `AWS_REGION`,
    which boto3 does not read. Where S3 does not answer, reading from it will say so.
    """
    own = session.region_name or os.environ.get("AWS_REGION") or "us-east-1"
    try:
        headers = session.client("s3", region_name=own).head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
    except ClientError as error:
        headers = error.response["ResponseMetadata"]["HTTPHeaders"]
    except BotoCoreError:
        return own
    return headers.get("x-amz-bucket-region", own)


def _failure(verb: str, uri: str, error: Exception) -> StepError:
    text = str(error)
    code = re.search(r"<Code>(\w+)</Code>", text)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError | PermissionError) or "AccessDenied" in text:
        return StepError(f"cannot {verb} {uri}: access is denied; allow it to the role or user that runs this")
    if code and code[1] == "NoSuchBucket":
        return StepError(f"cannot {verb} {uri}: the bucket does not exist")
    summary = text.split("\n", 1)[0][:300]
    return StepError(f"cannot {verb} {uri}: {code[1] if code else summary}")

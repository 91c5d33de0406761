"""Read objects of an s3:// bucket or a file:// folder, by URI.

The Rust object_store library behind obstore keeps connections open, retries with back-off and releases the interpreter
lock, so plain threads fetch concurrently: see `steps/parallel.py`.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from urllib.parse import quote, unquote

from botocore.exceptions import BotoCoreError, ClientError
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, S3Store

from steps.buckets import Bucket, open_bucket
from steps.contract import StepError
from steps.listing import list_bucket, list_folder, unreadable_name


class UnreadableObjectError(Exception):
    """One object is gone, too large or cannot be read for its name; its text says why. Others can be read."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that was listed.

    Attributes:
        name: its path below the listed URI, without a leading slash; bytes that are not UTF-8 are spelled out.
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
        if self.scheme == "s3":
            return f"s3://{self.root}/{path}"
        return f"file:///{quote(path, errors='surrogateescape')}"


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
        self._buckets: dict[str, Bucket] = {}
        self._files = LocalStore()
        self._lock = Lock()

    def list(self, uri: str) -> Iterator[StoredObject]:
        """List what lies below the folder `uri`, at any depth; nothing for a folder that is empty or absent.

        Objects are listed whatever their names are; that one cannot be read for its name is what `read` says.

        Raises:
            StepError: `uri` is no s3:// or file:// URI, its bucket is missing, or access is denied.
        """
        folder = _locate(uri)
        path = folder.path.rstrip("/")
        prefix = f"{path}/" if path else ""
        try:
            for name, size in self._entries(folder, prefix):
                printable = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
                yield StoredObject(printable, folder.uri(prefix + name), size)
        except (BotoCoreError, ClientError, OSError) as error:
            raise _failure("list", uri, error) from error

    def read(self, uri: str, max_bytes: int) -> bytes:
        """Read the object at `uri`.

        Raises:
            UnreadableObjectError: it does not exist, cannot be read for its name, or is larger than `max_bytes`, in
                which case it is not fetched.
            StepError: `uri` is no s3:// or file:// URI, its bucket is missing, access is denied, or the server still
                fails after all retries.
        """
        location = _readable(uri)
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

    def size(self, uri: str) -> int:
        """Ask for the size of the object at `uri`, bytes, without fetching it.

        Raises:
            UnreadableObjectError: it does not exist, or cannot be read for its name.
            StepError: as for `read`.
        """
        location = _readable(uri)
        try:
            return self._store(location).head(location.path)["size"]
        except FileNotFoundError:
            raise UnreadableObjectError("does not exist") from None
        except (BaseError, OSError, ValueError) as error:
            raise _failure("read", uri, error) from error

    def _entries(self, folder: _Location, prefix: str) -> Iterator[tuple[str, int]]:
        """Path below `prefix` and size of each object."""
        if folder.scheme == "file":
            yield from list_folder(f"/{prefix}")
            return
        bucket = self._bucket(folder.root)
        for key, size in list_bucket(bucket.client, bucket.name, prefix):
            yield key[len(prefix) :], size

    def _store(self, location: _Location) -> S3Store | LocalStore:
        return self._bucket(location.root).store if location.scheme == "s3" else self._files

    def _bucket(self, name: str) -> Bucket:
        with self._lock:
            if name not in self._buckets:
                self._buckets[name] = open_bucket(name, self._max_retries)
            return self._buckets[name]


def check_location(uri: str) -> None:
    """Check that `uri` has the form of a place to read from; whether it is there is not looked at.

    Raises:
        StepError: it is no s3:// or file:// URI.
    """
    _locate(uri)


def below(folder: str, name: str) -> str:
    """The URI of the object `name`, a path without a leading slash, below the folder at the URI `folder`."""
    return f"{folder}/{quote(name)}" if folder.startswith("file://") else f"{folder}/{name}"


def _locate(uri: str) -> _Location:
    scheme, separator, rest = uri.partition("://")
    if separator and scheme == "s3":
        bucket, _, key = rest.partition("/")
        if bucket:
            return _Location(scheme, bucket, key)
    if separator and scheme == "file" and rest.startswith("/"):
        return _Location(scheme, "", os.path.normpath(unquote(rest, errors="surrogateescape")).lstrip("/"))
    raise StepError(f"{uri!r} is not a place to read from: write s3://bucket/prefix or file:///absolute/path")


def _readable(uri: str) -> _Location:
    location = _locate(uri)
    if fault := unreadable_name(location.path):
        raise UnreadableObjectError(f"cannot be read: {fault}")
    return location


def _failure(verb: str, uri: str, error: Exception) -> StepError:
    text = str(error)
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else _code(text)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError | PermissionError) or code == "AccessDenied":
        return StepError(f"cannot {verb} {uri}: access is denied; allow it to the role or user that runs this")
    if code == "NoSuchBucket":
        return StepError(f"cannot {verb} {uri}: the bucket does not exist")
    summary = text.split("\n", 1)[0][:300]
    return StepError(f"cannot {verb} {uri}: {code or summary}")


def _code(answer: str) -> str | None:
    found = re.search(r"<Code>(\w+)</Code>", answer)
    return found and found[1]

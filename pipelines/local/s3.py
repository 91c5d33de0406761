"""Moves whole folders between S3 and this machine, several objects at a time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_Item = TypeVar("_Item")

_WORKERS = 8  # the server answers 190 to 390 objects per second whatever the client does
_LARGEST_DOCUMENT_BYTES = 16 * 1024 * 1024  # manifests and property files are read into memory
_UPLOAD = TransferConfig(use_threads=False, multipart_threshold=64 * 1024 * 1024)


class TransferError(Exception):
    """S3 data could not be moved; the message says which and why."""


class Location(NamedTuple):
    """A bucket and a key, or a prefix of keys."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> Location:
        """Read `s3://bucket/key`.

        Raises:
            TransferError: it is not such a URI.
        """
        scheme, _, rest = uri.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme != "s3" or not bucket:
            raise TransferError(f"'{uri}' is not an S3 URI: it should look like s3://bucket/prefix.")
        return cls(bucket, key)

    @property
    def uri(self) -> str:
        """The location as `s3://bucket/key`."""
        return f"s3://{self.bucket}/{self.key}"


class FileState(NamedTuple):
    """What changes when a file is written anew, or another is renamed to its name."""

    inode: int
    modified_ns: int
    size: int


def file_states(folder: Path) -> dict[Path, FileState]:
    """Every file below `folder`, for `Storage.upload_folder` to leave out those that are still the same."""
    found = {path: path.stat() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {path: FileState(seen.st_ino, seen.st_mtime_ns, seen.st_size) for path, seen in found.items()}


@dataclass(frozen=True)
class Shard:
    """Which part of the objects one host gets under ShardedByS3Key."""

    index: int = 0
    count: int = 1


class Storage:
    """Folders in, folders out, over one S3 client.

    Args:
        client: an S3 client; its connections are shared by the transfers.
        cancelled: asked before each object; once true, the transfer ends with a TransferError.
    """

    def __init__(self, client: S3Client, cancelled: Callable[[], bool] = lambda: False) -> None:
        self._client = client
        self._cancelled = cancelled

    def read(self, uri: str) -> bytes:
        """The bytes of one small object.

        Raises:
            TransferError: there is no such object, or it is larger than 16 MB.
        """
        location = Location.parse(uri)
        try:
            answer = self._client.get_object(Bucket=location.bucket, Key=location.key)
            if answer["ContentLength"] > _LARGEST_DOCUMENT_BYTES:
                raise TransferError(f"{uri} is too large to be read as one document (more than 16 MB).")
            return answer["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise TransferError(f"Could not read {uri}: {error}") from error

    def exists(self, uri: str) -> bool:
        """Whether any object lies under a prefix.

        Raises:
            TransferError: the bucket does not exist.
        """
        return bool(self._keys(Location.parse(uri)))

    def download_prefix(self, uri: str, folder: Path, shard: Shard = Shard()) -> int:
        """Fetch every object whose key begins with the URI's key. Returns how many.

        Raises:
            TransferError: nothing is there, or an object could not be fetched.
        """
        prefix = Location.parse(uri)
        keys = self._keys(prefix)
        if not keys:
            raise TransferError(
                f"Data download failed: no S3 objects found under {uri}. "
                "Check that the bucket and the prefix exist and hold objects."
            )
        return self._download(
            [(Location(prefix.bucket, key), _relative(key, prefix.key)) for key in keys], folder, shard
        )

    def download_manifest(self, uri: str, folder: Path, shard: Shard = Shard()) -> int:
        """Fetch the objects that a manifest lists: `[{"prefix": "s3://b/p/"}, "a.jpg", ...]`. Returns how many.

        Raises:
            TransferError: the manifest is not of this form, or an object could not be fetched.
        """
        try:
            head, *names = json.loads(self.read(uri))
            prefix = Location.parse(head["prefix"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise TransferError(f"{uri} is not an S3 manifest: a list that begins with a prefix.") from error
        if not names or not all(isinstance(name, str) for name in names):
            raise TransferError(f"The manifest {uri} should list at least one object name after its prefix.")
        return self._download([(Location(prefix.bucket, prefix.key + name), name) for name in names], folder, shard)

    def upload_folder(self, folder: Path, uri: str, known: Mapping[Path, FileState] = MappingProxyType({})) -> int:
        """Store every file below `folder` under the prefix `uri`, but those `known` to be there. Returns how many.

        Raises:
            TransferError: a file could not be stored.
        """
        prefix = Location.parse(uri)
        root = f"{prefix.key.rstrip('/')}/" if prefix.key else ""
        files = [path for path, state in file_states(folder).items() if known.get(path) != state]
        return self._together(
            lambda path: self.upload_file(
                path, Location(prefix.bucket, root + path.relative_to(folder).as_posix()).uri
            ),
            files,
        )

    def upload_file(self, path: Path, uri: str) -> None:
        """Store one file as the object `uri`.

        Raises:
            TransferError: it could not be stored.
        """
        location = Location.parse(uri)
        try:
            self._client.upload_file(str(path), location.bucket, location.key, Config=_UPLOAD)
        except (ClientError, BotoCoreError, S3UploadFailedError, OSError) as error:
            raise TransferError(f"Could not store {path.name} at {uri}: {error}") from error

    def _keys(self, prefix: Location) -> list[str]:
        """Keys under a prefix in S3's order, without the empty objects that consoles make for folders."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key)
            return [
                item["Key"]
                for page in pages
                for item in page.get("Contents", [])
                if not (item["Key"].endswith("/") and item["Size"] == 0)
            ]
        except (ClientError, BotoCoreError) as error:
            raise TransferError(f"Data download failed: could not list {prefix.uri}: {error}") from error

    def _download(self, objects: list[tuple[Location, str]], folder: Path, shard: Shard) -> int:
        folder.mkdir(parents=True, exist_ok=True)
        mine = objects[shard.index :: shard.count]
        return self._together(lambda item: self._download_file(item[0], folder, item[1]), mine)

    def _download_file(self, source: Location, folder: Path, name: str) -> None:
        """Fetch one object; its name appears only when its last byte has arrived."""
        target = folder / name
        if not target.resolve().is_relative_to(folder.resolve()):
            raise TransferError(f"Data download failed: the key of {source.uri} leads out of its folder.")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name[:200]}.part")
            body = self._client.get_object(Bucket=source.bucket, Key=source.key)["Body"]
            with part.open("wb") as file:
                shutil.copyfileobj(body, file, 1024 * 1024)
            part.replace(target)
        except (ClientError, BotoCoreError, OSError) as error:
            raise TransferError(f"Data download failed: {source.uri}: {error}") from error

    def _together(self, work: Callable[[_Item], None], items: Iterable[_Item]) -> int:
        def step(item: _Item) -> None:
            if self._cancelled():
                raise TransferError("The transfer was stopped.")
            work(item)

        with ThreadPoolExecutor(_WORKERS) as pool:
            return sum(1 for _ in pool.map(step, items))


def _relative(key: str, prefix: str) -> str:
    """Where an object lands below its folder: AWS cuts the prefix's own folder off."""
    if prefix and key.startswith(prefix.rstrip("/") + "/"):
        return key[len(prefix.rstrip("/")) + 1 :]
    return key[prefix.rfind("/") + 1 :]

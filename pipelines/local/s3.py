"""Moves whole folders between S3 and this machine, several objects at a time."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from uuid import uuid4

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from pipelines.local.files import FileState, file_states

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


class Listed(NamedTuple):
    """An object of a listing, and where it lands below the folder into which the listing is fetched."""

    source: Location
    name: str


@dataclass(frozen=True)
class Shard:
    """Which part of the objects one host gets under ShardedByS3Key.

    Attributes:
        seed: of the order into which the objects are shuffled before they are dealt out; None leaves them as they are.
    """

    index: int = 0
    count: int = 1
    seed: int | None = None

    def of(self, objects: Sequence[_Item]) -> Sequence[_Item]:
        """The host's part."""
        dealt = objects if self.seed is None else random.Random(self.seed).sample(objects, len(objects))  # noqa: S311
        return dealt[self.index :: self.count]


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
        """Whether any object lies under a prefix."""
        return bool(self._keys(Location.parse(uri)))

    def listed(self, uri: str) -> list[Listed]:
        """Every object whose key begins with the URI's key.

        Raises:
            TransferError: nothing is there.
        """
        prefix = Location.parse(uri)
        if not (keys := self._keys(prefix)):
            raise TransferError(
                f"Data download failed: no S3 objects found under {uri}. "
                "Check that the bucket and the prefix exist and hold objects."
            )
        return [Listed(Location(prefix.bucket, key), _relative(key, prefix.key)) for key in keys]

    def listed_in_manifest(self, uri: str) -> list[Listed]:
        """The objects that a manifest lists: `[{"prefix": "s3://b/p/"}, "a.jpg", ...]`.

        Raises:
            TransferError: the manifest is not of this form.
        """
        try:
            head, *names = json.loads(self.read(uri))
            prefix = Location.parse(head["prefix"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise TransferError(f"{uri} is not an S3 manifest: a list that begins with a prefix.") from error
        if not names or not all(isinstance(name, str) for name in names):
            raise TransferError(f"The manifest {uri} should list at least one object name after its prefix.")
        return [Listed(Location(prefix.bucket, prefix.key + name), name) for name in names]

    def download(self, objects: Sequence[Listed], folder: Path) -> int:
        """Fetch objects to where they belong below `folder`. Returns how many.

        Raises:
            TransferError: an object could not be fetched.
        """
        folder.mkdir(parents=True, exist_ok=True)
        return self._together(lambda item: self._download_file(item.source, folder, item.name), objects)

    def download_prefix(self, uri: str, folder: Path) -> int:
        """Fetch every object whose key begins with the URI's key. Returns how many.

        Raises:
            TransferError: nothing is there, or an object could not be fetched.
        """
        return self.download(self.listed(uri), folder)

    def upload_folder(self, folder: Path, uri: str) -> None:
        """Store every file below `folder` under the prefix `uri`, as `upload_files` does."""
        self.upload_files(folder, file_states(folder), uri, {})

    def upload_files(
        self, folder: Path, files: Mapping[Path, FileState], uri: str, stored: dict[Path, FileState]
    ) -> None:
        """Store some files of `folder` under the prefix `uri`.

        Args:
            folder: which the keys are relative to.
            files: what to store; a file that is removed meanwhile is left out.
            uri: the prefix.
            stored: files that need not be stored again as long as they are the same; what is stored is added to it.

        Raises:
            TransferError: a file could not be stored.
        """
        prefix = Location.parse(uri)
        root = f"{prefix.key.rstrip('/')}/" if prefix.key else ""

        def store(item: tuple[Path, FileState]) -> None:
            path, state = item
            try:
                self.upload_file(path, Location(prefix.bucket, root + path.relative_to(folder).as_posix()).uri)
            except TransferError:
                if path.exists():
                    raise
            stored[path] = state

        self._together(store, [item for item in files.items() if stored.get(item[0]) != item[1]])

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

    def _download_file(self, source: Location, folder: Path, name: str) -> None:
        """Fetch one object; its name appears only when its last byte has arrived."""
        target = folder / name
        if not target.resolve().is_relative_to(folder.resolve()):
            raise TransferError(f"Data download failed: the key of {source.uri} leads out of its folder.")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            body = self._client.get_object(Bucket=source.bucket, Key=source.key)["Body"]
            # Named by itself: other threads fetch names that may differ in their last letters only.
            part = target.with_name(f".{uuid4().hex}.part")
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

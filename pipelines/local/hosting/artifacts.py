"""Puts a model's data where its container looks for it: from S3 into `/opt/ml/model`."""

from __future__ import annotations

import gzip
import shutil
import tarfile
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.local.aws import Json
from pipelines.local.connection import Connection
from pipelines.local.s3 import Location, Storage, TransferError

_LARGEST_MODEL_BYTES = 20 * 1024**3  # unpacked; the disk is this machine's own
_MOST_MEMBERS = 100_000
_LARGEST_READ_BYTES = 1024 * 1024  # tarfile reads a file in pieces of 16 kB, but a header of any length at once


class ArtifactError(Exception):
    """The model data cannot be used; the message says which and why."""


def fetch_model_data(definition: Json, connection: Connection, folder: Path) -> None:
    """Bring the model data of a container definition to `folder`; without any, the folder is empty.

    Args:
        definition: with `ModelDataUrl`, a tar.gz, or `ModelDataSource`.
        connection: where S3 is.
        folder: is made where it does not exist.

    Raises:
        ArtifactError: S3 has no such object, the archive is broken, too large or leads out of its folder, or the disk
            cannot take it.
    """
    source: Json = definition.get("ModelDataSource", {}).get("S3DataSource", {})
    uri: str | None = source.get("S3Uri", definition.get("ModelDataUrl"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if uri is None:
            return
        if source.get("CompressionType") != "None":
            _fetch_archive(uri, connection, folder)
        elif source["S3DataType"] == "S3Prefix":
            Storage(connection.s3).download_prefix(uri, folder)
        else:
            _fetch_object(uri, connection, folder / uri.rsplit("/", 1)[-1])
    except (TransferError, OSError) as error:
        raise ArtifactError(str(error)) from error


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar.gz of unknown origin.

    Raises:
        ArtifactError: it is not one, it is too large, or a member or link would lead out of the folder; or this Python
            is too old to tell.
    """
    if not hasattr(tarfile, "data_filter"):
        raise ArtifactError("Python before 3.11.4 cannot unpack archives of unknown origin safely: use a newer one")
    size = 0
    try:
        with _ShortReads(archive) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            for count, member in enumerate(tar, start=1):
                size += member.size
                if size > _LARGEST_MODEL_BYTES or count > _MOST_MEMBERS:
                    raise ArtifactError(
                        f"it is larger than {_LARGEST_MODEL_BYTES // 1024**3} GB or has more than {_MOST_MEMBERS} files"
                    )
                tar.extract(member, folder, filter="data")
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise ArtifactError(f"it cannot be unpacked: {error}") from error


class _ShortReads(gzip.GzipFile):
    """A tar.gz for tarfile to read, which refuses a read so long that it could exhaust the memory."""

    def read(self, size: int | None = -1) -> bytes:
        """The next `size` bytes."""
        if size is None or not 0 <= size <= _LARGEST_READ_BYTES:
            raise tarfile.ReadError(f"a header claims to be {size} bytes long")
        return super().read(size)


def _fetch_archive(uri: str, connection: Connection, folder: Path) -> None:
    archive = folder.with_name("model.tar.gz")
    try:
        _fetch_object(uri, connection, archive)
        unpack(archive, folder)
    except ArtifactError as error:
        raise ArtifactError(f"The model data archive {uri} cannot be used: {error}.") from error
    finally:
        archive.unlink(missing_ok=True)


def _fetch_object(uri: str, connection: Connection, path: Path) -> None:
    location = Location.parse(uri)
    try:
        body = connection.s3.get_object(Bucket=location.bucket, Key=location.key)["Body"]
        with path.open("wb") as file:
            shutil.copyfileobj(body, file, 1024 * 1024)
    except (ClientError, BotoCoreError, OSError) as error:
        raise TransferError(f"Could not find model data at {uri}: {error}") from error

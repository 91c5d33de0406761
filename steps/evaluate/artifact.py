"""Unpack a model artifact: one model.tar.gz, in the folder where SageMaker delivers it or in the registry's bucket."""

import gzip
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, cast

from steps.contract import StepError
from steps.network import MODEL_NAME
from steps.registry import ApprovedPackage
from steps.storage import Storage, UnreadableObjectError

ARTIFACT_NAME = "model.tar.gz"

# The limit of an ONNX file is protobuf's 2 GiB; ResNet-50 with its safetensors copy takes 0.2 GiB.
MAX_UNPACKED_BYTES = 2 << 30


@contextmanager
def unpacked_model(folder: Path, max_bytes: int = MAX_UNPACKED_BYTES) -> Iterator[Path]:
    """Unpack `folder`/model.tar.gz into a temporary folder that lives as long as the block.

    Args:
        folder: holds model.tar.gz, with model.onnx at its root.
        max_bytes: most bytes the archive may unpack to, its headers included.

    Raises:
        StepError: the archive is missing, broken, too large, reaches outside its folder, or holds no model.onnx.
    """
    archive = folder / ARTIFACT_NAME
    if not archive.is_file():
        raise StepError(f"{archive} does not exist: give the folder that the training job's model artifact is in")
    with TemporaryDirectory(prefix="model-") as temporary:
        target = Path(temporary)
        try:
            _unpack(archive, target, max_bytes)
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            raise StepError(f"{archive} cannot be unpacked: {error}") from None
        if not (target / MODEL_NAME).is_file():
            raise StepError(f"{archive} holds no {MODEL_NAME}: it was not written by the train step")
        yield target


@contextmanager
def fetched_model(package: ApprovedPackage) -> Iterator[Path]:
    """Fetch and unpack the package's model into a temporary folder that lives as long as the block.

    Raises:
        StepError: the package names no artifact, or it cannot be fetched or unpacked.
    """
    if not package.artifact:
        raise StepError("its package names no model artifact")
    with TemporaryDirectory(prefix="champion-") as temporary:
        folder = Path(temporary)
        try:
            (folder / ARTIFACT_NAME).write_bytes(Storage().read(package.artifact, MAX_UNPACKED_BYTES))
        except UnreadableObjectError as error:
            raise StepError(f"its artifact {package.artifact} {error}") from None
        with unpacked_model(folder) as model:
            yield model


def _unpack(archive: Path, target: Path, max_bytes: int) -> None:
    unpacked = 0
    with gzip.open(archive) as stream:
        bounded = cast(IO[bytes], _Bounded(stream, archive, max_bytes))
        with tarfile.open(fileobj=bounded, mode="r|") as members:
            for member in members:
                unpacked += member.size
                if unpacked > max_bytes:
                    raise _too_large(archive, max_bytes)
                _extract(members, member, target)


def _extract(members: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """Write a file or folder of the archive: what tarfile's data filter does, which Python has from 3.11.4 on."""
    place = (target / member.name).resolve()
    if not place.is_relative_to(target.resolve()):
        raise tarfile.TarError(f"{member.name} would be written to {place}, outside the destination")
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
        return
    content = members.extractfile(member) if member.isreg() else None
    if content is None:
        raise tarfile.TarError(f"{member.name} is neither a file nor a folder")
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        shutil.copyfileobj(content, file)


class _Bounded:
    """A stream that ends with an error after so many bytes.

    Declared sizes do not bound an archive: tarfile reads a header's long names into memory before anyone sees them.
    """

    def __init__(self, stream: gzip.GzipFile, archive: Path, max_bytes: int) -> None:
        self._stream = stream
        self._archive = archive
        self._max_bytes = max_bytes
        self._left = max_bytes

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self._left -= len(chunk)
        if self._left < 0:
            raise _too_large(self._archive, self._max_bytes)
        return chunk


def _too_large(archive: Path, max_bytes: int) -> StepError:
    return StepError(f"{archive} unpacks to more than {max_bytes:,} bytes: it is no model of the train step")

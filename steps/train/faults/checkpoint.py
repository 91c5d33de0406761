"""Checkpoints: what a training that was cut off needs to go on as if nothing had happened."""

import hashlib
import io
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from steps.contract import StepError, StepSettings
from steps.shards import Shards
from steps.train.progress import say

LATEST, PREVIOUS, PARTIAL = "latest.pt", "previous.pt", ".partial.pt"
"""Names that stay the same: SageMaker copies new files to S3, but what is deleted here would stay there."""

Fingerprint = Mapping[str, str]
"""What decides a training's result, as texts by name."""


class Checkpoints:
    """The checkpoints of one training in a folder that SageMaker keeps in step with S3.

    There are two: the latest, and the one before it for the case that the latest is broken. Each is a `torch.save`
    archive of tensors and plain values, read with `weights_only`, so that no code is ever loaded from it.
    """

    def __init__(self, folder: Path, fingerprint: Fingerprint) -> None:
        """Use `folder`, which exists, for the training that `fingerprint` describes."""
        self._folder = folder
        self._fingerprint = dict(fingerprint)

    def save(self, state: Mapping[str, Any]) -> None:
        """Write `state`, tensors and plain values in dicts and lists, so that a checkpoint is whole or absent.

        Raises:
            StepError: the file system refuses.
        """
        latest, partial = self._folder / LATEST, self._folder / PARTIAL
        try:
            with partial.open("wb") as file:
                torch.save({"fingerprint": self._fingerprint, "state": dict(state)}, file)
                file.flush()
                os.fsync(file.fileno())
            if latest.exists():
                latest.replace(self._folder / PREVIOUS)
            partial.replace(latest)
            _sync_folder(self._folder)
        # torch's own writer tells of a full disk with a RuntimeError.
        except (OSError, RuntimeError) as error:
            raise StepError(f"no checkpoint can be written to {self._folder}: {error}; is the disk full?") from error

    def newest(self) -> bytes:
        """The newest checkpoint that is whole and of this very training, for `state_of`; empty where there is none.

        A line is written for each that cannot be used.
        """
        for file in (self._folder / LATEST, self._folder / PREVIOUS):
            if file.exists() and file.stat().st_size:
                content = file.read_bytes()
                reason = self._unusable(content)
                if reason is None:
                    return content
                say(f"checkpoint {file} is not used, and replaced by a later one: {reason}")
        return b""

    def retire(self) -> None:
        """Empty the checkpoints of a training that is over, so that a later one with the same settings starts anew."""
        for file in (self._folder / LATEST, self._folder / PREVIOUS):
            if file.exists():
                file.write_bytes(b"")

    def _unusable(self, content: bytes) -> str | None:
        try:
            # torch itself does not look at the archive's checksums.
            damaged = zipfile.ZipFile(io.BytesIO(content)).testzip()
            if damaged is not None:
                return f"{damaged} in it is damaged"
            found = _load(content)["fingerprint"]
        except Exception as error:  # whatever is wrong with a file, training goes on without it
            return f"it cannot be read ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})"
        names = sorted(name for name in {*found, *self._fingerprint} if found.get(name) != self._fingerprint.get(name))
        return f"it is of a training with other {', '.join(names)}" if names else None


def discard(folder: Path) -> None:
    """Remove a host's copies of the checkpoints, for hosts that only read the first one's.

    SageMaker copies every host's folder to the same place in S3: copies that nobody renews would take the place of the
    first host's newer ones. What is deleted here stays there.
    """
    for name in (LATEST, PREVIOUS, PARTIAL):
        (folder / name).unlink(missing_ok=True)


def state_of(checkpoint: bytes) -> dict[str, Any]:
    """The state in what `Checkpoints.newest` found, its tensors on the CPU."""
    state: dict[str, Any] = _load(checkpoint)["state"]
    return state


def fingerprint(settings: StepSettings, train: Shards, validation: Shards, weights: Path | None = None) -> Fingerprint:
    """What decides a training's result: settings, images by their ids and labels, initial weights, the step's code."""
    return {
        **{name: str(value) for name, value in settings.model_dump(mode="json").items()},
        "training images": _digest(_description(train)),
        "validation images": _digest(_description(validation)),
        "initial weights": _digest(_files(weights)) if weights else "random",
        "code": _digest(_code()),
    }


def _load(checkpoint: bytes) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(io.BytesIO(checkpoint), map_location="cpu", weights_only=True)
    return content


def _description(shards: Shards) -> Iterable[bytes]:
    yield shards.dataset.model_dump_json().encode()
    yield shards.labels.tobytes()
    yield "\0".join(shards.ids).encode()


def _code() -> Iterable[bytes]:
    """The files that travel to the container as this step's code."""
    own = Path(__file__).parents[1]
    for file in sorted([*own.parent.glob("*.py"), *own.rglob("*.py")]):
        yield file.relative_to(own.parent).as_posix().encode()
        yield file.read_bytes()


def _files(folder: Path) -> Iterable[bytes]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file.relative_to(folder).as_posix().encode()
            yield file.read_bytes()


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make the renames in `folder` survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

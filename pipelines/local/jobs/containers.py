"""Finds what stands in for a container image: a folder of programs named after the image's repository."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.local.jobs.engine import ContainerEngine

_SCRIPT_MODE = Path(__file__).with_name("script_mode.py")

_REPOSITORY = re.compile(r"\w[\w.-]*", re.ASCII)  # the last part of its name; never `.` or `..`

# A path under /opt/ml at the start of a word; `s3://bucket/opt/ml` and `/srv/opt/ml` are none.
_CONTAINER_PATH = re.compile(r"(?<![\w./-])/opt/ml(?![\w.-])")


@dataclass(frozen=True)
class Container:
    """An image, and what runs in its place: a folder of programs, or, with an engine, the image itself.

    Attributes:
        image: the image URI of the request.
        folder: where its programs should be; it need not exist where a job brings its own entry point.
        engine: runs the image, where images are run.
    """

    image: str
    folder: Path
    engine: ContainerEngine | None = None

    @classmethod
    def find(cls, containers: Path, image: str, engine: ContainerEngine | None = None) -> Container:
        """The container of `1234.dkr.ecr.region.amazonaws.com/team/training:1` is `containers/training`.

        That of an image without a proper name, such as `team/..`, is `containers/unnamed`.
        """
        repository = image.split("@")[0].rstrip("/").rsplit("/", 1)[-1].split(":")[0]
        folder = repository if _REPOSITORY.fullmatch(repository) else "unnamed"
        return cls(image, (containers / folder).resolve(), engine)

    @property
    def bin(self) -> Path | None:
        """The folder of its programs, or None where there is none."""
        folder = self.folder / "bin"
        return folder if folder.is_dir() else None

    def training_command(self, hyperparameters: Mapping[str, str]) -> list[str]:
        """What runs where a training job names no entry point: its `train`, or the estimator's own program.

        An estimator with an entry point of its own, of whatever framework, names it in `sagemaker_program`.
        """
        if self.engine:
            return ["train"]
        if "sagemaker_program" in hyperparameters and not (self.folder / "bin" / "train").is_file():
            return [sys.executable, "-P", str(_SCRIPT_MODE)]
        return ["train"]

    def absent(self) -> str | None:
        """What to do about an image that should be run and is not here; None where it is, or where none is run."""
        return self.engine.missing(self.image) if self.engine else None

    def missing(self, program: str) -> str | None:
        """What to do about a program that the container must bring and does not; None where it does."""
        if self.engine:
            return self.absent()
        path = self.folder / "bin" / program
        if path.is_file():
            return None
        entry_point = ", or give the job a ContainerEntrypoint, or its estimator an entry_point"
        return (
            f"ClientError: the image {self.image} is not run here; in its place the program '{program}' is "
            f"looked for in {path.parent} and is not there: add it{entry_point if program == 'train' else ''}."
        )


def rewrite(text: str, base: Path) -> str:
    """Replace each path under `/opt/ml` in `text` by the same path under `base`."""
    return _CONTAINER_PATH.sub(lambda _: str(base), text)

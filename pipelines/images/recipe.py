"""What an image is made of: its files and build arguments, and the hash that names it."""

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import get_args

from pipelines.code import STEPS, content_hash, read_bundle
from pipelines.images.lock import Image

REPOSITORY = STEPS.parent
IMAGES: tuple[Image, ...] = get_args(Image)
_SHARED = ("pyproject.toml", "constraints.txt", "containers/requirements.py")
_EXECUTABLE = 0o755


@dataclass(frozen=True)
class Recipe:
    """All that decides what is in an image; the same recipe is not built twice.

    Attributes:
        image: which image it is.
        files: the build context, content by path, in order of path; the paths are the repository's.
        base: the base image; empty for the one that the Dockerfile holds by its digest.
        instead: requirements in place of constraints on the same packages, such as `torch==2.13.0+cpu`.
    """

    image: Image
    files: tuple[tuple[str, bytes], ...]
    base: str = ""
    instead: str = ""

    @cached_property
    def inputs(self) -> str:
        """SHA-256 of the files and the build arguments."""
        arguments = (f"{self.base}\0{self.instead}\0").encode()
        return hashlib.sha256(arguments + content_hash(self.files).encode()).hexdigest()

    @property
    def repository(self) -> str:
        """Name of its repository, here and in ECR."""
        return f"bin-counter/{self.image}"

    @property
    def tag(self) -> str:
        """Tag that this recipe's image has, and no other."""
        return self.inputs[:16]

    @property
    def name(self) -> str:
        """Repository and tag."""
        return f"{self.repository}:{self.tag}"

    @property
    def dockerfile(self) -> str:
        """Path of the Dockerfile in the build context."""
        return f"containers/{self.image}/Dockerfile"

    @property
    def arguments(self) -> dict[str, str]:
        """Build arguments that differ from the Dockerfile's own."""
        return {name: value for name, value in (("BASE", self.base), ("INSTEAD", self.instead)) if value}

    @cached_property
    def project_version(self) -> str:
        """The version that pyproject.toml gives the project."""
        version: str = tomllib.loads(dict(self.files)["pyproject.toml"].decode())["project"]["version"]
        return version

    def write(self, folder: Path) -> None:
        """Write the build context into an empty folder."""
        for name, content in self.files:
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            if file.parent.name == "bin":
                file.chmod(_EXECUTABLE)


def read_recipe(image: Image, base: str = "", instead: str = "", repository: Path = REPOSITORY) -> Recipe:
    """Read an image's recipe from a checkout."""
    return Recipe(image, tuple(sorted(_context(image, repository))), base, instead)


def _context(image: Image, repository: Path) -> Iterator[tuple[str, bytes]]:
    own = [file for file in (repository / "containers" / image).rglob("*") if file.is_file()]
    for file in [*(repository / name for name in _SHARED), *own]:
        yield file.relative_to(repository).as_posix(), file.read_bytes()
    if image == "serving":  # it alone carries its code
        yield from read_bundle("serve", repository / "steps").files

"""Runs images for real, where docker or podman is there: a job's host is then a container, its folder `/opt/ml`.

The containers share this machine's network, over which they reach the server, and each other.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pipelines.local.jobs.kept import KeptProcess

_PROGRAMS = ("docker", "podman")
_REGISTRY = re.compile(r"^[^/]*[.:][^/]*/")  # a first part with a dot or a port is a host
_VERSION = re.compile(r"(:[\w.-]+)?(@.*)?$")
_GIVEN = ("train", "serve")


class EngineError(Exception):
    """Images cannot be run; the message says why and what to do."""


@dataclass(frozen=True)
class ContainerEngine:
    """A program that runs images.

    Attributes:
        program: `docker` or `podman`.
    """

    program: str

    @classmethod
    def find(cls) -> Self:
        """The first one that works here.

        Raises:
            EngineError: none does.
        """
        for program in _PROGRAMS:
            if shutil.which(program) and _succeeds([program, "info"]):  # a docker without its daemon runs nothing
                return cls(program)
        raise EngineError("Images cannot be run here: neither `docker info` nor `podman info` succeeds.")

    def local_name(self, image: str) -> str | None:
        """The name by which this machine holds an image; None where it does not.

        What is not here as `1234.dkr.ecr.region.amazonaws.com/team/training:1` may be as `team/training:latest`.
        """
        for name in (image, _built_here(image)):
            if _succeeds([self.program, "image", "inspect", name]):
                return name
        return None

    def missing(self, image: str) -> str | None:
        """What to do about an image that this machine does not hold; None where it does."""
        if self.local_name(image):
            return None
        return (
            f"ClientError: {self.program} holds neither the image {image} nor {_built_here(image)} on this machine: "
            "build or pull it first."
        )


class ContainerProcess(KeptProcess):
    """A container that runs one program.

    Args:
        engine: what runs it.
        image: the image URI of the request; this machine holds the image.
        command: the program and its arguments. SageMaker gives `train` and `serve` to the image's own entry point;
            whatever else a request names takes its place.
        environment: its variables, on top of the image's.
        base: its `/opt/ml`.
        hosts: addresses by name.
    """

    def __init__(
        self,
        engine: ContainerEngine,
        image: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        base: Path,
        hosts: Mapping[str, str],
    ) -> None:
        self._engine = engine
        self._name = f"embedded-sagemaker-{secrets.token_hex(8)}"
        words = [engine.program, "run", f"--name={self._name}", "--pull=never", "--network=host"]
        words += ["--security-opt=label=disable", f"--volume={base}:/opt/ml"]
        if engine.program == "docker" and hasattr(os, "getuid"):
            words.append(
                f"--user={os.getuid()}:{os.getgid()}"
            )  # the folder stays this user's; podman sees to it itself
        words += [f"--env={name}={value}" for name, value in environment.items()]
        words += [f"--add-host={name}:{address}" for name, address in hosts.items()]
        entry, *arguments = command
        own = [] if entry in _GIVEN else [f"--entrypoint={entry}"]
        words += [*own, engine.local_name(image) or image, *([entry] if not own else []), *arguments]
        super().__init__(words, os.environ, base)

    def close(self) -> None:
        """Kill what still runs, and remove the container."""
        super().close()
        _succeeds([self._engine.program, "rm", "--force", self._name])


def _built_here(image: str) -> str:
    return f"{_VERSION.sub('', _REGISTRY.sub('', image))}:latest"


def _succeeds(words: Sequence[str]) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0  # noqa: S603 - no shell

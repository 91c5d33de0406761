"""One instance behind a production variant: a serving process for each container of the model."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipelines.local.aws import Json
from pipelines.local.hosting.serving import Answer, InvocationError, ServingError, ServingProcess, UnreachableError
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.jobs.logs import LogFile

_FIRST_ERROR = 400  # of the statuses of HTTP


@dataclass(frozen=True)
class Site:
    """Where the instances of one variant live.

    Attributes:
        surroundings: what they share with everything else that runs.
        folder: each instance has a folder of its own here.
        log: the endpoint's log file.
        group: the endpoint's group in CloudWatch Logs.
        variant: the first part of the streams in it.
    """

    surroundings: Surroundings
    folder: Path
    log: LogFile
    group: str
    variant: str


class InstanceLostError(Exception):
    """The instance took no connection; nothing of the request has happened, and another may have it."""


class ContainerError(Exception):
    """A container answered with an error, or not at all.

    Attributes:
        container: its name in AWS's messages.
        status: what it answered; 0 for no answer.
        stream: where its log is, in the endpoint's group.
    """

    def __init__(self, container: str, status: int, message: str, stream: str) -> None:
        super().__init__(message)
        self.container = container
        self.status = status
        self.stream = stream


class Instance:
    """The containers of one model, started together; the answer of each is the request of the next.

    Args:
        containers: container definitions in the order of their work.
        site: where it lives.
    """

    def __init__(self, containers: Sequence[Json], site: Site) -> None:
        self.identity = f"i-{secrets.token_hex(8)}{secrets.randbelow(16):x}"  # 17 digits, as in EC2
        self.busy = 0  # requests in work; its variant counts them
        self._lost = False
        self._folder = site.folder / self.identity
        self._stream = f"{site.variant}/{self.identity}"
        self._names = container_names(containers)
        self._processes = []
        for name, definition in zip(self._names, containers, strict=True):
            stream = self._stream if len(containers) == 1 else f"{self._stream}/{name}"
            self._processes.append(
                ServingProcess(definition, site.surroundings, self._folder / name, site.log, (site.group, stream))
            )

    @property
    def alive(self) -> bool:
        """Whether all containers run, and take connections as far as is known."""
        return not self._lost and all(process.alive for process in self._processes)

    def start(self, limit_seconds: float) -> None:
        """Start every container and wait until all are healthy.

        Raises:
            ServingError: one is not, within the limit; everything is stopped again.
        """
        try:
            with ThreadPoolExecutor(len(self._processes)) as pool:
                list(pool.map(ServingProcess.start, self._processes))
            for process in self._processes:
                process.wait_until_healthy(limit_seconds)
        except ServingError:
            self.close()
            raise

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a request through the containers.

        Raises:
            InstanceLostError: the first of them takes no connection; the instance is not alive any more.
            ContainerError: one of them answers with an error, or does not answer.
        """
        answer = Answer(200, {}, body)
        sent = dict(headers)
        for name, process in zip(self._names, self._processes, strict=True):
            try:
                answer = process.invoke(answer.body, sent)
            except InvocationError as error:
                unreachable = isinstance(error, UnreachableError)
                self._lost = self._lost or unreachable
                if unreachable and name == self._names[0]:
                    raise InstanceLostError from error
                raise ContainerError(name, 0, str(error), self._stream) from error
            if answer.status >= _FIRST_ERROR:
                raise ContainerError(name, answer.status, answer.body.decode(errors="replace"), self._stream)
            sent["Content-Type"] = answer.headers.get("Content-Type", "application/octet-stream")
        return answer

    def close(self) -> None:
        """Stop every container and remove what they had on disk."""
        with ThreadPoolExecutor(len(self._processes)) as pool:
            list(pool.map(ServingProcess.close, self._processes))
        shutil.rmtree(self._folder, ignore_errors=True)


def container_names(containers: Sequence[Json]) -> list[str]:
    """AWS's names for the containers of a model: `primary`, or their host names, or their numbers."""
    if len(containers) == 1:
        return ["primary"]
    return [each.get("ContainerHostname", f"container-{number}") for number, each in enumerate(containers, start=1)]


def sweep(folder: Path) -> None:
    """Remove what a server that was killed has left of the instances in a folder; their log stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)

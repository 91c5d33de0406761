"""The processes of one job: one on each of its hosts, started together and ended together."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from pipelines.local.aws import Json
from pipelines.local.connection import Connection
from pipelines.local.jobs.containers import Container
from pipelines.local.jobs.engine import ContainerEngine
from pipelines.local.jobs.isolation import Isolation
from pipelines.local.jobs.logs import JobLog, LogError, LogFile
from pipelines.local.jobs.process import HostProcess, Program
from pipelines.local.s3 import Shard

_SHORTEST_POLL_SECONDS, _LONGEST_POLL_SECONDS = 0.002, 0.05  # a step that does nothing should not wait long


class Ending(Enum):
    """How the processes of a job ended."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"
    TIMED_OUT = "TimedOut"


@dataclass(frozen=True)
class Surroundings:
    """What all jobs of one server share.

    Attributes:
        folder: each job has a folder here, named after it.
        containers: folders that stand in for images.
        connection: the server.
        running: how many hosts of jobs run now, to share the cores among them.
        grace_seconds: between asking a process to end and killing it.
        isolation: what stands between them.
        hidden: the folder that nothing which runs should look into, where that can be.
        models: the container definitions of the model of a name; for those that transform.
        engine: runs images; None where folders of programs stand in for them.
    """

    folder: Path
    containers: Path
    connection: Connection
    running: Callable[[], int]
    grace_seconds: float
    isolation: Isolation = field(default_factory=Isolation.best)
    hidden: Path | None = None
    models: Callable[[str], list[Json]] = lambda _: []
    engine: ContainerEngine | None = None

    def in_role(self, role: str | None) -> Surroundings:
        """The same for what works with a role, given its ARN."""
        return replace(self, connection=self.connection.in_role(role))

    def environment(self) -> dict[str, str]:
        """The variables of every process: how it reaches the server, and its share of the cores."""
        # Measured on two cores: two programs with two threads each take five times as long as with one each.
        threads = max(1, _cores() // max(1, self.running()))
        return {**self.connection.environment(), "OMP_NUM_THREADS": str(threads)}


@dataclass(frozen=True)
class Host:
    """One of a job's instances.

    Attributes:
        name: `algo-1`, `algo-2`, ...
        base: what `/opt/ml` is in a container.
        shard: its part of inputs that are sharded.
    """

    name: str
    base: Path
    shard: Shard


class Fleet:
    """Runs one program on every host of a job.

    Args:
        hosts: where; their base folders exist.
        surroundings: what jobs share.
        log: the job's log file.
        streams: CloudWatch's log group, and the job's name as the first part of its streams.
    """

    def __init__(
        self, hosts: Sequence[Host], surroundings: Surroundings, log: LogFile, streams: tuple[str, str]
    ) -> None:
        self._hosts = hosts
        self._surroundings = surroundings
        self._log = log
        self._streams = streams
        self._processes: list[HostProcess] = []

    def run(
        self, program: Program, container: Container, limit_seconds: float, stopping: threading.Event
    ) -> tuple[Ending, int]:
        """Run until all hosts have ended well, one has failed, the time is over, or somebody wants it to stop.

        Returns:
            how it ended, and the exit code of the first host that failed (negative for a signal), else 0.

        Raises:
            LogError: the log could not be written, as on a full disk; what still ran has been killed.
        """
        try:
            for host in self._hosts:
                self._start(program, container, host)
            ending = self._wait(time.monotonic() + limit_seconds, stopping)
            if ending in (Ending.STOPPED, Ending.TIMED_OUT):
                self._terminate()
        finally:
            codes = [process.poll() for process in self._processes]
            for process in self._processes:
                process.close()
            self._log.finish()
            for host in self._hosts:
                self._surroundings.isolation.settle(host.base)
        failed = next((code for code in codes if code), 0)
        if self._log.error is not None and not failed:
            raise LogError(f"the job's log cannot be written: {self._log.error}")
        return ending, failed

    def _start(self, program: Program, container: Container, host: Host) -> None:
        group, job = self._streams
        stream = f"{job}/{host.name}-{int(time.time())}"
        log = JobLog(self._log, self._surroundings.connection, group, stream)
        self._processes.append(
            HostProcess(
                program,
                container,
                host.base,
                self._surroundings.environment(),
                log,
                self._surroundings.isolation,
                hidden=self._surroundings.hidden,
                names=[each.name for each in self._hosts],
            )
        )

    def _wait(self, deadline: float, stopping: threading.Event) -> Ending:
        pause = _SHORTEST_POLL_SECONDS
        while True:
            codes = [process.poll() for process in self._processes]
            if any(codes):
                return Ending.FAILED
            if all(code == 0 for code in codes):
                return Ending.COMPLETED
            if self._log.error is not None:
                return Ending.FAILED
            if time.monotonic() > deadline:
                return Ending.TIMED_OUT
            if stopping.wait(pause):
                return Ending.STOPPED
            pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)

    def _terminate(self) -> None:
        """Ask every process to end and give them the grace time for it; `close` kills what is left."""
        for process in self._processes:
            process.signal(signal.SIGTERM)
        deadline = time.monotonic() + self._surroundings.grace_seconds
        while time.monotonic() < deadline and any(process.poll() is None for process in self._processes):
            time.sleep(_LONGEST_POLL_SECONDS)


def _cores() -> int:
    """The cores that this process may use, which in a container are often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""The jobs of one server by their names, from their start until the server stops."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from pipelines.local.aws import Json, in_use


class Runnable(Protocol):
    """What has a name and runs in the background."""

    name: str
    arn: str
    request: Json

    def start(self) -> None:
        """Begin, and return at once."""

    def stop(self) -> None:
        """Ask it to end."""

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until it has ended; False where the time ran out first."""
        ...


_Kept = TypeVar("_Kept", bound=Runnable)


class Book(Generic[_Kept]):
    """Starts jobs under names of their own, and stops them all in the end; safe to share between threads."""

    def __init__(self) -> None:
        self._jobs: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._closed = False

    def start(self, job: _Kept, taken: Callable[[_Kept], str]) -> None:
        """Enter a job and start it.

        Args:
            job: the job.
            taken: what to say when another has its name, given that one.

        Raises:
            ApiError: the name is taken, or the book is closed.
        """
        with self._lock:
            if self._closed:
                raise in_use("The server is stopping and starts no more jobs.")
            if job.name in self._jobs:
                raise in_use(taken(self._jobs[job.name]))
            self._jobs[job.name] = job
        job.start()

    def get(self, name: str) -> _Kept | None:
        """The job of this name, if there is one."""
        with self._lock:
            return self._jobs.get(name)

    def all(self) -> list[_Kept]:
        """Every job, in the order of their start."""
        with self._lock:
            return list(self._jobs.values())

    def tags(self) -> dict[str, list[Json]]:
        """The tags with which each job was created, by its ARN."""
        return {job.arn: job.request.get("Tags", []) for job in self.all()}

    def close(self, timeout_seconds: float) -> None:
        """Start no more jobs, stop every one and wait until it has ended."""
        with self._lock:
            self._closed = True
        jobs = self.all()
        for job in jobs:
            job.stop()
        for job in jobs:
            job.wait(timeout_seconds)

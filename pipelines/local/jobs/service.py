"""The jobs of one server: their actions in AWS's API, and the interface through which the engine starts them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pipelines.local.aws import Action, Json, not_found, page, select
from pipelines.local.connection import Connection
from pipelines.local.jobs.book import Book
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.jobs.isolation import Isolation
from pipelines.local.jobs.job import Job
from pipelines.local.jobs.processing import ProcessingJob
from pipelines.local.jobs.training import TrainingJob

_KINDS: tuple[type[Job], ...] = (ProcessingJob, TrainingJob)
_Kind = TypeVar("_Kind", bound=Job)


class Jobs:
    """Creates, lists, describes and stops jobs.

    Args:
        folder: each job has a folder here.
        containers: folders that stand in for images.
        connection: the server.
        grace_seconds: between asking a job's processes to end and killing them.
        isolation: what stands between jobs.
    """

    def __init__(
        self,
        folder: Path,
        containers: Path,
        connection: Connection,
        grace_seconds: float = 10.0,
        isolation: Isolation | None = None,
    ) -> None:
        self._surroundings = Surroundings(
            folder, containers, connection, self.running, grace_seconds, isolation or Isolation.best()
        )
        self._jobs: Book[Job] = Book()

    def create(self, kind: type[_Kind], request: Json, at_once: int = 1) -> _Kind:
        """Start the job of a request that `shapes.check` has found to be right.

        Args:
            kind: of the job.
            request: what to do.
            at_once: hosts among which the cores are shared at least, so that the first of several jobs that will run
                side by side does not take the cores of the others.

        Raises:
            ApiError: the request asks for what cannot be done here, or the name is taken.
        """
        job = kind(request, replace(self._surroundings, running=lambda: max(at_once, self.running())))
        self._jobs.start(
            job,
            lambda other: (
                "Job names must be unique, also among kinds, since a job's folder has its name; "
                f"there is {other.arn} already."
            ),
        )
        return job

    def check(self, kind: type[Job], request: Json) -> None:
        """Tell whether `create` would start such a job.

        Raises:
            ApiError: the request asks for what cannot be done here.
        """
        kind(request, self._surroundings)

    def actions(self) -> dict[str, Action]:
        """The calls of AWS's API that this answers, by name."""
        found: dict[str, Action] = {}
        for kind in _KINDS:
            found |= self._actions_of(kind)
        return found

    def tags(self) -> dict[str, list[Json]]:
        """The tags with which each job was created, by its ARN."""
        return self._jobs.tags()

    def close(self, timeout_seconds: float) -> None:
        """Stop every job and wait until their processes are gone."""
        self._jobs.close(timeout_seconds)

    def running(self) -> int:
        """How many hosts of jobs run now."""
        return sum(len(job.hosts) for job in self._jobs.all() if job.running)

    def _actions_of(self, kind: type[Job]) -> dict[str, Action]:
        name = f"{kind.kind.capitalize()}Job"

        def create(request: Json) -> Json:
            return {f"{name}Arn": self.create(kind, request).arn}

        def describe(request: Json) -> Json:
            return self._find(kind, request).describe()

        def stop(request: Json) -> Json:
            self._find(kind, request).stop()
            return {}

        def list_all(request: Json) -> Json:
            lines = [job.summary() for job in self._jobs.all() if isinstance(job, kind)]
            kept = select(lines, request, name=f"{name}Name", status=f"{name}Status")
            return page(kept, request, f"{name}Summaries")

        return {f"Create{name}": create, f"Describe{name}": describe, f"Stop{name}": stop, f"List{name}s": list_all}

    def _find(self, kind: type[Job], request: Json) -> Job:
        name = request[kind.name_field()]
        job = self._jobs.get(name)
        if not isinstance(job, kind):
            raise not_found(f"Requested resource not found: there is no {kind.kind} job named '{name}'.")
        return job

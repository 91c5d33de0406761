"""The jobs of one server: their actions in AWS's API, and the interface through which the engine starts them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import TypeVar

from werkzeug import Request, Response

from pipelines.local.announcements import Announcements
from pipelines.local.aws import Action, ApiError, Json, in_use, not_found, page, select
from pipelines.local.gateway import Route
from pipelines.local.jobs.book import Book
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.jobs.job import Job, check_stoppable, unsupported
from pipelines.local.jobs.processing import ProcessingJob
from pipelines.local.jobs.records import Record
from pipelines.local.jobs.training import TrainingJob
from pipelines.local.store import Store

_DELETABLE: tuple[type[Job], ...] = (ProcessingJob, TrainingJob)
_FILTERS_ON_AWS_ONLY = {"TrainingPlanArnEquals", "WarmPoolStatusEquals"}
_INTERRUPT = re.compile(r"/embedded/training-jobs/(?P<name>[^/]+)/interrupt")
_Kind = TypeVar("_Kind", bound=Job)


class Jobs:
    """Creates, lists, describes and stops jobs.

    Args:
        surroundings: what jobs share; how many of them run is filled in here.
        kinds: of jobs that are run.
        store: keeps what is told of jobs.
        announcements: hear of each change of a job's status.
    """

    def __init__(
        self, surroundings: Surroundings, kinds: Sequence[type[Job]], store: Store, announcements: Announcements
    ) -> None:
        self._surroundings = replace(surroundings, running=self.running)
        self._kinds = kinds
        self._jobs: Book[Job] = Book("job", store, announcements)

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

    def interrupt(self, name: str) -> None:
        """Take the spot instances of a training job away: it gets SIGTERM, then starts again from its checkpoints.

        Raises:
            ApiError: there is no such job, it is not a managed spot training, or does not train at this moment.
        """
        record = self._find(TrainingJob, {"TrainingJobName": name})
        self._live(record, TrainingJob).interrupt()

    def routes(self) -> list[Route]:
        """What AWS's API has no call for: `POST /embedded/training-jobs/<name>/interrupt`."""
        return [Route("POST", _INTERRUPT, self._answer_interrupt)]

    def actions(self) -> dict[str, Action]:
        """The calls of AWS's API that this answers, by name."""
        found: dict[str, Action] = {"UpdateTrainingJob": self._update}
        for kind in self._kinds:
            found |= self._actions_of(kind)
        for kind in _DELETABLE:
            found[f"Delete{kind.kind.capitalize()}Job"] = self._delete(kind)
        return found

    def tags(self) -> dict[str, list[Json]]:
        """The tags with which each job was created, by its ARN."""
        return self._jobs.tags()

    def mend(self) -> None:
        """Have the jobs that ran when an earlier server died fail, and tell of it."""
        self._jobs.mend({f"{kind.kind}-job": kind.event for kind in self._kinds})

    def stop(self) -> None:
        """Ask every job to end."""
        self._jobs.stop()

    def close(self, timeout_seconds: float) -> None:
        """Stop every job and wait until their processes are gone."""
        self._jobs.close(timeout_seconds)

    def running(self) -> int:
        """How many hosts of jobs run now."""
        return sum(len(job.hosts) for job in self._jobs.running())

    def _actions_of(self, kind: type[Job]) -> dict[str, Action]:
        name = f"{kind.kind.capitalize()}Job"

        def create(request: Json) -> Json:
            return {f"{name}Arn": self.create(kind, request).arn}

        def describe(request: Json) -> Json:
            return self._find(kind, request).description

        def stop(request: Json) -> Json:
            record = self._find(kind, request)
            check_stoppable(record)
            job = self._jobs.live(record.name)
            if job is not None:
                job.stop()
            return {}

        def list_all(request: Json) -> Json:
            for field in _FILTERS_ON_AWS_ONLY & request.keys():
                raise unsupported(f"the filter {field} of List{name}s")
            lines = [record.summary for record in self._jobs.all() if record.kind == f"{kind.kind}-job"]
            kept = select(lines, request, name=f"{name}Name", status=f"{name}Status")
            return page(kept, request, f"{name}Summaries")

        return {f"Create{name}": create, f"Describe{name}": describe, f"Stop{name}": stop, f"List{name}s": list_all}

    def _update(self, request: Json) -> Json:
        record = self._find(TrainingJob, request)
        self._live(record, TrainingJob).update(request)
        return {"TrainingJobArn": record.arn}

    def _delete(self, kind: type[Job]) -> Action:
        def delete(request: Json) -> Json:
            record = self._find(kind, request)
            if record.running:
                raise in_use(f"The {kind.kind} job '{record.name}' is {record.status}: stop it before deleting it.")
            self._jobs.remove(record.name)
            shutil.rmtree(self._surroundings.folder / record.name, ignore_errors=True)
            return {}

        return delete

    def _answer_interrupt(self, _: Request, match: re.Match[str]) -> Response:
        try:
            self.interrupt(match["name"])
        except ApiError as error:
            return Response(f"{error}\n", HTTPStatus.CONFLICT, content_type="text/plain")
        return Response(status=HTTPStatus.NO_CONTENT)

    def _find(self, kind: type[Job], request: Json) -> Record:
        name = request[kind.name_field()]
        record = self._jobs.get(name)
        if record is None or record.kind != f"{kind.kind}-job":
            raise not_found(f"Requested resource not found: there is no {kind.kind} job named '{name}'.")
        return record

    def _live(self, record: Record, kind: type[_Kind]) -> _Kind:
        job = self._jobs.live(record.name)
        if not isinstance(job, kind):
            raise in_use(f"The {kind.kind} job '{record.name}' is {record.status}: it does not run any more.")
        return job

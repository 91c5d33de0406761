"""The parts of the embedded SageMaker, put together: which there are, who answers what, in which order they end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.local.announcements import Announcements
from pipelines.local.connection import Connection
from pipelines.local.events.clock import Clock
from pipelines.local.events.service import Events
from pipelines.local.executions.pipelines import Pipelines
from pipelines.local.executions.turns import Services
from pipelines.local.experiments.service import Experiments
from pipelines.local.functions.service import Functions
from pipelines.local.gateway import Gateway, Route
from pipelines.local.hosting.invocations import Invocations
from pipelines.local.hosting.service import Hosting
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.jobs.isolation import Isolation
from pipelines.local.jobs.processing import ProcessingJob
from pipelines.local.jobs.service import Jobs
from pipelines.local.jobs.training import TrainingJob
from pipelines.local.moto_application import MotoApplication
from pipelines.local.persistence.journal import Journal
from pipelines.local.registry import Registry
from pipelines.local.store import Store
from pipelines.local.tags import Tags
from pipelines.local.transforms.job import TransformJob
from pipelines.local.tuning.service import TuningJobs

if TYPE_CHECKING:
    from pipelines.local.aws import Action

_GRACE_SECONDS = 10.0  # for jobs that are stopped while the server goes on
_CLOSE_SECONDS = 20.0  # for each part to end when the server stops
_JOBS = (ProcessingJob, TrainingJob, TransformJob)


class Parts:
    """Everything that answers or works behind the server's port.

    Args:
        state: the folder of all that is kept.
        containers: folders that stand in for images.
        connection: how the parts reach each other: over the port, like everybody else.
        isolation: what stands between jobs.
        clock: what schedules go by.
    """

    def __init__(
        self, state: Path, containers: Path, connection: Connection, isolation: Isolation, clock: Clock
    ) -> None:
        self._store = Store(state / "state.sqlite")
        announcements = Announcements()
        kept = (self._store, announcements)
        # These two first: jobs and executions tell of those that ended with the last server.
        self._experiments = Experiments(*kept)
        self._events = Events(connection, announcements, self._store, clock)
        shared = Surroundings(state / "jobs", containers, connection, lambda: 0, _GRACE_SECONDS, isolation)
        self.jobs = Jobs(shared, _JOBS, *kept)
        self._tuning = TuningJobs(self.jobs, *kept)
        serving = replace(shared, folder=state / "endpoints", running=self.jobs.running)
        self._hosting = Hosting(serving, *kept)
        self._functions = Functions(state / "functions", connection, self._store)
        services = Services(self.jobs, self._tuning, self._functions, self._hosting, connection, announcements)
        self._pipelines = Pipelines(services, self._store)
        self._journal = Journal(MotoApplication(), self._store, state / "aws")
        self.gateway = Gateway(
            self._journal,
            self._actions(),
            Registry(connection).amendments(),
            self._events.followers(),
            self._routes(),
        )

    def restore(self) -> None:
        """Give moto back what it knew; call it before the port is served."""
        self._journal.restore()

    def begin(self) -> None:
        """Start what works by itself; call it once the port is served."""
        self._hosting.resume()
        self._functions.resume()
        self._events.start()

    def close(self) -> None:
        """Stop everything that runs, the port being served still; then only the store is open."""
        self._events.close(_CLOSE_SECONDS)
        self._pipelines.close(_CLOSE_SECONDS)
        self._tuning.close(_CLOSE_SECONDS)
        self.jobs.close(_CLOSE_SECONDS)
        self._functions.close(_CLOSE_SECONDS)
        self._hosting.close()

    def release(self) -> None:
        """Let go of the files; call it when the port is served no more."""
        self._store.close()

    def _actions(self) -> dict[str, Action]:
        tagged = (self.jobs, self._tuning, self._hosting, self._pipelines, self._experiments)
        tags = Tags(lambda: {arn: found for each in tagged for arn, found in each.tags().items()}, self._store)
        actions = {name: action for each in tagged for name, action in each.actions().items()}
        return {**tags.forgetting(actions), **tags.actions()}

    def _routes(self) -> list[Route]:
        routed = (self.jobs, Invocations(self._hosting), self._functions, self._experiments, self._events)
        return [route for each in routed for route in each.routes()]

"""The parts of the embedded SageMaker, put together: which there are, who answers what, in which order they end."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.local.announcements import Announcements
from pipelines.local.connection import Connection
from pipelines.local.deadline import Deadline
from pipelines.local.events.clock import Clock
from pipelines.local.events.service import Events
from pipelines.local.executions.pipelines import Pipelines
from pipelines.local.executions.turns import Services
from pipelines.local.experiments.service import Experiments
from pipelines.local.functions.service import Functions
from pipelines.local.gateway import Gateway, Route
from pipelines.local.hosting.invocations import Invocations
from pipelines.local.hosting.service import Hosting
from pipelines.local.jobs.engine import ContainerEngine
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.jobs.isolation import Isolation
from pipelines.local.jobs.processing import ProcessingJob
from pipelines.local.jobs.service import Jobs
from pipelines.local.jobs.training import TrainingJob
from pipelines.local.moto_application import MotoApplication
from pipelines.local.persistence.journal import Journal
from pipelines.local.recording import Recorder
from pipelines.local.registry import Registry
from pipelines.local.stacks.service import CloudFormation
from pipelines.local.store import Store
from pipelines.local.tags import Tags
from pipelines.local.transforms.job import TransformJob
from pipelines.local.tuning.service import TuningJobs

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from pipelines.local.aws import Action

_GRACE_SECONDS = 10.0  # for jobs that are stopped while the server goes on
_CLOSE_SECONDS = 20.0  # for all that runs to end when the server stops
_JOBS = (ProcessingJob, TrainingJob, TransformJob)


class Parts:
    """Everything that answers or works behind the server's port.

    Args:
        state: the folder of all that is kept.
        store: keeps it, but for what is in files.
        containers: folders that stand in for images.
        connection: how the parts reach each other: over the port, like everybody else.
        isolation: what stands between jobs.
        clock: what schedules go by.
        recorder: writes down what is called.
        engine: runs images; None where `containers` stands in for them.
    """

    def __init__(
        self,
        state: Path,
        store: Store,
        containers: Path,
        connection: Connection,
        isolation: Isolation,
        clock: Clock,
        recorder: Recorder,
        engine: ContainerEngine | None = None,
    ) -> None:
        self._store = store
        announcements = Announcements()
        kept = (self._store, announcements)
        self._experiments = Experiments(*kept)
        self._events = Events(connection, announcements, self._store, clock)
        hidden = _hidden(state, containers)
        shared = Surroundings(
            state / "jobs",
            containers,
            connection,
            lambda: 0,
            _GRACE_SECONDS,
            isolation,
            hidden,
            lambda model: self._hosting.models.containers(model),
            engine,
        )
        self.jobs = Jobs(shared, _JOBS, *kept)
        self._tuning = TuningJobs(self.jobs, *kept)
        serving = replace(shared, folder=state / "endpoints", running=self.jobs.running)
        self._hosting = Hosting(serving, *kept)
        self._functions = Functions(state / "functions", connection, self._store, isolation, hidden)
        services = Services(
            self.jobs, self._tuning, self._functions, self._hosting, connection, announcements, recorder
        )
        self._pipelines = Pipelines(services, self._store)
        self._stacks = CloudFormation(connection, self._store)
        self._journal = Journal(MotoApplication(), self._store, state / "aws")
        gateway = Gateway(
            self._journal,
            self._actions(),
            Registry(connection).amendments(),
            self._events.followers(),
            self._routes(),
        )
        self.application: WSGIApplication = recorder.recorded(gateway)

    def restore(self) -> None:
        """Give moto back what it knew, and see to what ran when the last server died; call it before serving."""
        self._journal.restore()
        for part in (self.jobs, self._tuning, self._pipelines, self._stacks):  # tells by the rules that moto has back
            part.mend()

    def begin(self) -> None:
        """Start what works by itself; call it once the port is served."""
        self._hosting.resume()
        self._functions.resume()
        self._events.start()

    def close(self) -> None:
        """Stop everything that runs, the port being served still, if it was; some of it may not have begun."""
        # All are asked to stop before any is waited for: an execution may wait for a function, that for a job.
        parts = (self._events, self._pipelines, self._functions, self._tuning, self.jobs)
        for part in parts:
            part.stop()
        deadline = Deadline(_CLOSE_SECONDS)
        for part in parts:
            part.close(deadline.remaining_seconds)
        self._hosting.close()

    def _actions(self) -> dict[str, Action]:
        tagged = (self.jobs, self._tuning, self._hosting, self._pipelines, self._experiments)
        tags = Tags(lambda: {arn: found for each in tagged for arn, found in each.tags().items()}, self._store)
        actions = {name: action for each in tagged for name, action in each.actions().items()}
        return {**tags.forgetting(actions), **tags.actions()}

    def _routes(self) -> list[Route]:
        invoked = (Invocations(self._hosting), self._functions)
        routed = (self.jobs, *invoked, self._experiments, self._events, self._stacks)
        return [route for each in routed for route in each.routes()]


def _hidden(state: Path, containers: Path) -> Path:
    """What nothing that runs should look into: the whole state, or that of jobs alone where programs lie in it."""
    needed = (containers, Path(sys.prefix), Path(sys.base_prefix), Path(__file__))
    hidden = state / "jobs" if any(path.resolve().is_relative_to(state) for path in needed) else state
    hidden.mkdir(parents=True, exist_ok=True)
    return hidden

"""The embedded SageMaker itself: moto and our own actions behind one port, in a thread."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from pipelines.local.announcements import Announcements
from pipelines.local.connection import Connection
from pipelines.local.events.clock import Clock
from pipelines.local.events.service import Events
from pipelines.local.executions.pipelines import Pipelines
from pipelines.local.executions.turns import Services
from pipelines.local.experiments.service import Experiments
from pipelines.local.functions.service import Functions
from pipelines.local.gateway import Gateway
from pipelines.local.hosting.invocations import Invocations
from pipelines.local.hosting.service import Hosting
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.jobs.isolation import Isolation
from pipelines.local.jobs.processing import ProcessingJob
from pipelines.local.jobs.service import Jobs
from pipelines.local.jobs.training import TrainingJob
from pipelines.local.moto_application import MotoApplication
from pipelines.local.persistence.folder import FolderInUseError, StateFolder
from pipelines.local.persistence.journal import Journal
from pipelines.local.registry import Registry
from pipelines.local.store import Store
from pipelines.local.tags import Tags
from pipelines.local.transforms.job import TransformJob
from pipelines.local.tuning.service import TuningJobs

_GRACE_SECONDS = 10.0  # for jobs that are stopped while the server goes on
_CLOSE_SECONDS = 20.0  # for everything to end when the server stops

_log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()  # moto's state belongs to the process, not to a server


class ServerError(Exception):
    """The server cannot start; the message says why and what to do."""


class _QuietHandler(MotoRequestHandler):
    """Serves requests without a line for each of them."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: a job makes thousands of requests."""


class EmbeddedSageMaker:
    """SageMaker, S3 and what else moto serves, on one port of this machine.

    What it knows is kept in the state folder: a server on the same folder goes on where the last one ended, however it
    ended; one on a new folder knows nothing.

    Args:
        state: the folder of all that is kept; job folders and logs are in `state/jobs`.
        containers: holds a folder per container image, named after its repository, with programs in `bin/`.
        host: the address to listen on; who can reach it can run programs as you.
        port: the port to listen on; 0 for any that is free.
        isolation: what stands between jobs; the best that this machine grants where nothing is said.

    Attributes:
        clock: what schedules go by; each start has a new one, which shows the real time.

    Raises:
        ServerError: on start, if the port or the folder is in use or another server runs in this process.
    """

    def __init__(
        self,
        state: Path = Path(".local"),
        containers: Path = Path("containers"),
        host: str = "127.0.0.1",
        port: int = 0,
        isolation: Isolation | None = None,
    ) -> None:
        self._state = state.resolve()
        self._containers = containers.resolve()
        self._address = (host, port)
        self.isolation = isolation or Isolation.best()
        self._server: BaseWSGIServer | None = None
        self._connection = Connection("")
        self.clock = Clock()

    @property
    def url(self) -> str:
        """Where the server listens, as in `http://127.0.0.1:4599`."""
        return self._connection.url

    def environment(self) -> dict[str, str]:
        """The variables that point boto3, the SageMaker SDK and the AWS CLI at the server."""
        return self._connection.environment()

    def start(self) -> None:
        """Begin to listen.

        Raises:
            ServerError: the port or the state folder is in use, or another server runs in this process.
        """
        if not _one_at_a_time.acquire(blocking=False):
            raise ServerError("An embedded SageMaker runs in this process already: stop it before starting another.")
        with ExitStack() as undo:
            undo.callback(_one_at_a_time.release)
            try:
                self._folder = StateFolder(self._state)
            except FolderInUseError as error:
                raise ServerError(str(error)) from error
            undo.callback(self._folder.release)
            self._listen()
            undo.pop_all()

    def stop(self) -> None:
        """Stop all jobs, then the server. A server that does not run is left alone."""
        if self._server is None:
            return
        server, self._server = self._server, None
        try:
            self._events.close(_CLOSE_SECONDS)
            self._pipelines.close(_CLOSE_SECONDS)
            self._tuning.close(_CLOSE_SECONDS)
            self._jobs.close(_CLOSE_SECONDS)
            self._functions.close(_CLOSE_SECONDS)
            self._hosting.close()
        finally:
            server.shutdown()
            server.server_close()
            self._thread.join()
            self._store.close()
            self._folder.release()
            _one_at_a_time.release()

    def interrupt(self, training_job_name: str) -> None:
        """Take the spot instances of a training job away, as AWS does when it wants them back.

        The job gets SIGTERM and its grace time; what it then has in its checkpoint folder is stored, and it starts
        again from there. Other processes do it by `POST /embedded/training-jobs/<name>/interrupt`.

        Raises:
            ApiError: there is no such job, it is not a managed spot training, or does not train at this moment.
        """
        self._jobs.interrupt(training_job_name)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _listen(self) -> None:
        # Werkzeug ends the whole program when the port is taken, so the socket is made here.
        listener = _bind(*self._address)
        host, port = listener.getsockname()[:2]
        self._connection = Connection(f"http://{host}:{port}")
        self._store = Store(self._state / "state.sqlite")
        announcements = Announcements()
        kept = (self._store, announcements)
        self.clock = Clock()
        # These two first: jobs and executions tell of those that ended with the last server.
        experiments = Experiments(*kept)
        self._events = Events(self._connection, announcements, self._store, self.clock)
        places = (self._state / "jobs", self._containers, self._connection)
        shared = Surroundings(*places, lambda: 0, _GRACE_SECONDS, self.isolation)
        self._jobs = Jobs(shared, (ProcessingJob, TrainingJob, TransformJob), *kept)
        self._tuning = TuningJobs(self._jobs, *kept)
        serving = replace(shared, folder=self._state / "endpoints", running=self._jobs.running)
        self._hosting = Hosting(serving, *kept)
        self._functions = Functions(self._state / "functions", self._connection)
        services = Services(self._jobs, self._tuning, self._functions, self._hosting, self._connection, announcements)
        self._pipelines = Pipelines(services, self._store)
        ours = (self._jobs, self._tuning, self._hosting, self._pipelines, experiments)
        tags = Tags(lambda: {arn: found for each in ours for arn, found in each.tags().items()}, self._store)
        journal = Journal(MotoApplication(), self._store, self._state / "aws")
        gateway = Gateway(
            journal,
            {name: action for each in (*ours, tags) for name, action in each.actions().items()},
            Registry(self._connection).amendments(),
            self._events.followers(),
            routes=[
                *self._jobs.routes(),
                *Invocations(self._hosting).routes(),
                *self._functions.routes(),
                *experiments.routes(),
                *self._events.routes(),
            ],
        )
        self._server = make_server(
            host, port, gateway, threaded=True, request_handler=_QuietHandler, fd=listener.fileno()
        )
        listener.close()  # werkzeug made its own of it
        journal.restore()
        self._thread = threading.Thread(target=self._server.serve_forever, name="embedded-sagemaker", daemon=True)
        self._thread.start()
        _log.debug("listening on %s", self.url)
        self._hosting.resume()
        self._events.start()


def _bind(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=256)
    except OSError as error:
        raise ServerError(
            f"Cannot listen on port {port} of {host}: {error.strerror}. "
            "Choose another port, or stop the program that uses it."
        ) from error

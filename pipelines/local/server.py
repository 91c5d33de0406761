"""The embedded SageMaker itself: moto and our own actions behind one port, in a thread."""

from __future__ import annotations

import errno
import logging
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from pipelines.local.connection import Connection
from pipelines.local.events.clock import Clock
from pipelines.local.jobs.engine import ContainerEngine
from pipelines.local.jobs.isolation import Isolation
from pipelines.local.parts import Parts
from pipelines.local.persistence.folder import FolderInUseError, StateFolder
from pipelines.local.recording import Recorder
from pipelines.local.store import Store, StoreError

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
        engine: runs the images of jobs and endpoints; without it, programs in `containers` stand in for them.
        record: a file to which every call that is answered is appended, as a line of JSON; none where nothing is said.

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
        engine: ContainerEngine | None = None,
        record: Path | None = None,
    ) -> None:
        self._state = state.resolve()
        self._containers = containers.resolve()
        self._address = (host, port)
        self.isolation = isolation or Isolation.best()
        self._engine = engine
        self._record = record
        self._undo = ExitStack()  # what `start` has done
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
            ServerError: the port or the state folder is in use, the folder cannot be written or read, or another server
                runs in this process.
        """
        if not _one_at_a_time.acquire(blocking=False):
            raise ServerError("An embedded SageMaker runs in this process already: stop it before starting another.")
        with ExitStack() as undo:  # so that a start that fails, at whatever point, leaves nothing behind
            undo.callback(_one_at_a_time.release)
            with _usable(self._state):
                folder = StateFolder(self._state)
            undo.callback(folder.release)
            self._listen(undo)
            self._undo = undo.pop_all()

    def stop(self) -> None:
        """Stop all jobs, then the server. A server that does not run is left alone."""
        undo, self._undo = self._undo, ExitStack()
        undo.close()

    def interrupt(self, training_job_name: str) -> None:
        """Take the spot instances of a training job away, as AWS does when it wants them back.

        The job gets SIGTERM and its grace time; what it then has in its checkpoint folder is stored, and it starts
        again from there. Other processes do it by `POST /embedded/training-jobs/<name>/interrupt`.

        Raises:
            ApiError: there is no such job, it is not a managed spot training, or does not train at this moment.
        """
        self._parts.jobs.interrupt(training_job_name)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _recorder(self) -> Recorder:
        try:
            return Recorder(self._record, self._connection.identities)
        except OSError as error:
            raise ServerError(f"Calls cannot be recorded to {self._record}: {error.strerror or error}.") from error

    def _listen(self, undo: ExitStack) -> None:
        # Werkzeug ends the whole program when the port is taken, so the socket is made here.
        with _bind(*self._address) as listener:  # werkzeug makes its own of it
            host, port = listener.getsockname()[:2]
            self._connection = Connection(f"http://{host}:{port}")
            self.clock = Clock()
            with _usable(self._state):
                store = Store(self._state / "state.sqlite")
                undo.callback(store.close)
                self._parts = Parts(
                    self._state,
                    store,
                    self._containers,
                    self._connection,
                    self.isolation,
                    self.clock,
                    self._recorder(),
                    self._engine,
                )
            server = make_server(
                host, port, self._parts.application, threaded=True, request_handler=_QuietHandler, fd=listener.fileno()
            )
        undo.callback(server.server_close)
        thread = threading.Thread(target=server.serve_forever, name="embedded-sagemaker", daemon=True)
        undo.callback(_end_serving, server, thread)
        undo.callback(self._parts.close)
        with _usable(self._state):
            self._parts.restore()
        thread.start()
        _log.debug("listening on %s", self.url)
        self._parts.begin()


@contextmanager
def _usable(state: Path) -> Iterator[None]:
    """Have what is wrong with a state folder end in a sentence that names it."""
    try:
        yield
    except FolderInUseError as error:
        raise ServerError(str(error)) from error
    except OSError as error:
        reason = error.strerror or error
        raise ServerError(f"The state folder {state} cannot be used: {reason}. Choose another folder.") from error
    except (StoreError, sqlite3.Error, LookupError, TypeError, ValueError) as error:
        raise ServerError(
            f"The state folder {state} cannot be read ({type(error).__name__}: {error}). Start the version that wrote "
            "it, choose another folder, or remove this one, which forgets all that is in it."
        ) from error


def _end_serving(server: BaseWSGIServer, thread: threading.Thread) -> None:
    if thread.is_alive():  # else `shutdown` would wait for ever
        server.shutdown()
        thread.join()


def _bind(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=256)
    except OSError as error:
        advice = "Give an IPv4 address or a name of this machine as the host, such as 127.0.0.1."
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            advice = "Choose another port, or stop the program that uses it."
        reason = str(error.strerror).partition(" (")[0]  # then follows the address
        raise ServerError(f"Cannot listen on port {port} of {host}: {reason}. {advice}") from error

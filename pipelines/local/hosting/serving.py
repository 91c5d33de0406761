"""A container's `serve` program as a process of this machine, and the HTTP way into it.

The contract is AWS's "Use your own inference code with hosting services": the model in `/opt/ml/model`, `GET /ping`
answered with 200 within two seconds once it is ready, `POST /invocations`; but on a port of the loopback, which the
variable `SAGEMAKER_BIND_TO_PORT` names.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import urllib3

from pipelines.local.aws import Json
from pipelines.local.hosting.artifacts import ArtifactError, fetch_model_data
from pipelines.local.hosting.ports import free_port
from pipelines.local.jobs.containers import Container
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.jobs.logs import JobLog, LogFile
from pipelines.local.jobs.process import HostProcess, Program, describe_exit

STARTUP_SECONDS = 480.0  # AWS gives a container eight minutes to become healthy
INVOCATION_SECONDS = 60.0  # AWS's limit on the answer of a container
LARGEST_PAYLOAD_BYTES = 25 * 1024 * 1024  # AWS's limit on a request and on an answer

_PING_SECONDS = 2.0  # AWS's limit on the answer to a ping
_POLL_SECONDS = 0.05
_CONNECTIONS = 32  # kept open; more are made as they are needed


class ServingError(Exception):
    """The container does not serve; the message says why."""


class ModelDataError(ServingError):
    """The model's data cannot be fetched; the message says why."""


class InvocationError(Exception):
    """The container gave no answer to an invocation; the message says why."""


class UnreachableError(InvocationError):
    """The container took no connection, so that nothing of the invocation has happened."""


@dataclass(frozen=True)
class Answer:
    """What the container answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ServingProcess:
    """One container that serves one model. It may be invoked by many threads at once.

    Args:
        definition: a container definition, as in CreateModel: image, model data, environment; and its model's role.
        surroundings: what it shares with the jobs and endpoints of the server.
        folder: what `/opt/ml` is in the container; made on start, and the caller's to remove.
        log: the log file, which the caller closes.
        streams: CloudWatch's log group, and the stream.
    """

    def __init__(
        self, definition: Json, surroundings: Surroundings, folder: Path, log: LogFile, streams: tuple[str, str]
    ) -> None:
        self._definition = definition
        self._surroundings = surroundings.in_role(definition.get("ExecutionRoleArn"))
        self._folder = folder
        self._log = log
        self._streams = streams
        self._process: HostProcess | None = None
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._port = free_port()
        self._pool = urllib3.HTTPConnectionPool("127.0.0.1", self._port, maxsize=_CONNECTIONS, retries=False)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        process = self._process
        return process is not None and process.poll() is None

    def start(self) -> None:
        """Fetch the model and start the program; it may take a while until it is healthy.

        Raises:
            ModelDataError: the model cannot be fetched.
            ServingError: the container has no `serve`.
        """
        surroundings = self._surroundings
        container = Container.find(surroundings.containers, self._definition["Image"], surroundings.engine)
        missing = container.missing("serve")
        if missing:
            raise ServingError(missing)
        try:
            fetch_model_data(self._definition, self._surroundings.connection, self._folder / "model")
        except ArtifactError as error:
            raise ModelDataError(str(error)) from error
        with self._lock:
            if self._closing.is_set():
                raise ServingError("The container was stopped before it had started.")
            log = JobLog(self._log, self._surroundings.connection, *self._streams)
            command = Program(["serve"], self._definition.get("Environment", {}))
            self._process = HostProcess(
                command,
                container,
                self._folder,
                self._environment(),
                log,
                self._surroundings.isolation,
                self._surroundings.hidden,
            )

    def wait_until_healthy(self, limit_seconds: float = STARTUP_SECONDS) -> None:
        """Ping until the answer is 200.

        Raises:
            ServingError: the process ended, was closed or did not become healthy within the limit.
        """
        deadline = time.monotonic() + limit_seconds
        while not self._ping():
            process = self._process
            if process is None or self._closing.is_set():
                raise ServingError("The container was stopped before it was healthy.")
            code = process.poll()
            if code is not None:
                raise ServingError(f"The container ended before it was healthy ({describe_exit(code)}).")
            if time.monotonic() > deadline:
                raise ServingError(f"The container did not answer GET /ping with 200 within {limit_seconds:.0f} s.")
            self._closing.wait(_POLL_SECONDS)

    def invoke(self, body: bytes, headers: Mapping[str, str], limit_seconds: float = INVOCATION_SECONDS) -> Answer:
        """Send one request to `/invocations`.

        Raises:
            UnreachableError: there is no server on the container's port any more.
            InvocationError: there was no answer within the limit, or it is too long.
        """
        timeout = urllib3.Timeout(connect=limit_seconds, read=limit_seconds)
        try:
            response = self._pool.urlopen(
                "POST", "/invocations", body, dict(headers), timeout=timeout, redirect=False, preload_content=False
            )
            answer = response.read(LARGEST_PAYLOAD_BYTES + 1)
            if len(answer) > LARGEST_PAYLOAD_BYTES:
                response.close()
                raise InvocationError(f"The container's answer is longer than {LARGEST_PAYLOAD_BYTES} bytes")
            response.drain_conn()
        except urllib3.exceptions.NewConnectionError as error:
            raise UnreachableError(f"The container does not listen ({error})") from error
        except urllib3.exceptions.TimeoutError as error:
            raise InvocationError(
                "Your invocation timed out while waiting for a response from the container"
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise InvocationError(f"The container closed the connection without an answer ({error})") from error
        return Answer(response.status, response.headers, answer)

    def close(self) -> None:
        """Ask the process to end, kill what is left of it after the grace time, and wait until it is gone."""
        self._closing.set()
        with self._lock:  # whoever closes it a second time waits for the first
            process, self._process = self._process, None
            if process is not None:
                process.signal(signal.SIGTERM)
                deadline = time.monotonic() + self._surroundings.grace_seconds
                while process.poll() is None and time.monotonic() < deadline:
                    time.sleep(_POLL_SECONDS)
                process.close()
        self._pool.close()

    def _ping(self) -> bool:
        if not self.alive:
            return False
        try:
            return self._pool.urlopen("GET", "/ping", timeout=_PING_SECONDS, redirect=False).status == HTTPStatus.OK
        except (urllib3.exceptions.HTTPError, OSError):
            return False

    def _environment(self) -> dict[str, str]:
        return {**self._surroundings.environment(), "SAGEMAKER_BIND_TO_PORT": str(self._port)}

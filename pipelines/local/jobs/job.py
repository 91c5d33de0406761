"""The life of a job, whatever its kind: prepare its hosts, run them, watch them, collect what they made."""

from __future__ import annotations

import logging
import shutil
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from pipelines.local.aws import ApiError, Json, arn, invalid, limit_exceeded, now, shorten
from pipelines.local.jobs.containers import Container
from pipelines.local.jobs.fleet import Ending, Fleet, Host, Surroundings
from pipelines.local.jobs.logs import LogFile
from pipelines.local.jobs.process import Program, describe_exit
from pipelines.local.s3 import Shard, Storage, TransferError

_LONGEST_RUNTIME_SECONDS = 86_400  # AWS's default where a request sets no limit
_LONGEST_REASON = 1024  # characters, as in AWS's API
_TAIL_LINES = 12
_MOST_HOSTS = 16

_log = logging.getLogger(__name__)


class JobError(Exception):
    """The job cannot go on; the message is its FailureReason."""


class Job(ABC):
    """A job of one kind. `start` returns at once; `wait` until it has ended.

    Args:
        request: the input of the call that creates it, already checked.
        surroundings: what it shares with other jobs.
    """

    kind: ClassVar[str]  # as in its ARN
    log_group: ClassVar[str]

    def __init__(self, request: Json, surroundings: Surroundings) -> None:
        count = self.instance_count(request)
        if count < 1:
            raise invalid(f"InstanceCount is {count}; a job needs at least one instance.")
        if count > _MOST_HOSTS:
            raise limit_exceeded(f"InstanceCount is {count}; on one machine at most {_MOST_HOSTS} are started.")
        self.request = request
        self.name: str = request[self.name_field()]
        self.arn = arn(f"{self.kind}-job/{self.name}")
        self.container = Container.find(surroundings.containers, self.image(request))
        self.folder = surroundings.folder / self.name
        stopping: Json = request.get("StoppingCondition", {})
        self.limit_seconds: int = stopping.get("MaxRuntimeInSeconds", _LONGEST_RUNTIME_SECONDS)
        self.status = "InProgress"
        self.phases: list[tuple[str, float]] = []
        self.created = self.modified = now()
        self.started: float | None = None
        self.ended: float | None = None
        self.failure_reason: str | None = None
        self._surroundings = surroundings
        self._lock = threading.Lock()  # so that a late stop cannot overwrite the job's ending
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self.storage = Storage(surroundings.connection.s3, self._stopping.is_set)
        names = [f"algo-{number}" for number in range(1, count + 1)]
        self.hosts = [Host(name, self.folder / name, Shard(i, count)) for i, name in enumerate(names)]

    @classmethod
    def name_field(cls) -> str:
        """The request's field that holds the job's name."""
        return f"{cls.kind.capitalize()}JobName"

    @staticmethod
    @abstractmethod
    def instance_count(request: Json) -> int:
        """How many hosts the request asks for."""

    @staticmethod
    @abstractmethod
    def image(request: Json) -> str:
        """The container image of the request."""

    @abstractmethod
    def program(self) -> Program:
        """What each host runs."""

    @abstractmethod
    def prepare(self, host: Host) -> None:
        """Fetch the inputs of a host and write its configuration."""

    @abstractmethod
    def collect(self, ending: Ending) -> None:
        """Store what the hosts made."""

    @abstractmethod
    def own_words(self) -> str | None:
        """What the program itself wrote about its failure, if anything."""

    @abstractmethod
    def describe(self) -> Json:
        """The answer of the job's Describe call."""

    @abstractmethod
    def summary(self) -> Json:
        """The job's line in the List call."""

    def start(self) -> None:
        """Run the job in a thread of its own."""
        threading.Thread(target=self._run, name=self.name, daemon=True).start()

    def stop(self) -> None:
        """Ask the job to end; it does so within the grace time."""
        with self._lock:
            if self.running:
                self.status = "Stopping"
                self._stopping.set()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until the job has ended; False where the time ran out first."""
        return self._ended.wait(timeout_seconds)

    @property
    def running(self) -> bool:
        """Whether the job has not ended yet."""
        return not self._ended.is_set()

    def enter(self, phase: str) -> None:
        """Note that a phase of the job begins, such as Downloading."""
        self.modified = now()
        self.phases.append((phase, self.modified))

    def _run(self) -> None:
        _log.info("%s started", self.name)
        try:
            self._finish(self._execute())
        except JobError as error:
            self._finish(Ending.FAILED, str(error))
        except TransferError as error:
            stopped = self._stopping.is_set()
            self._finish(Ending.STOPPED if stopped else Ending.FAILED, f"ClientError: {error}")
        except Exception as error:
            _log.exception("The job %s met an error of the server", self.name)
            self._finish(Ending.FAILED, f"InternalServerError: {type(error).__name__}: {error}")

    def _execute(self) -> Ending:
        self.enter("Starting")
        program = self.program()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.enter("Downloading")
        for host in self.hosts:
            host.base.mkdir()
            self.prepare(host)
        self.started = now()
        self.enter("Training")
        log = LogFile(self.folder / "log")
        try:
            fleet = Fleet(self.hosts, self._surroundings, log, (self.log_group, self.name))
            ending, code = fleet.run(program, self.container, self.limit_seconds, self._stopping)
            failure = JobError(self._explain(code, log)) if ending is Ending.FAILED else None
            self.enter("Uploading")
            self.storage = Storage(self._surroundings.connection.s3)  # a stopped job still keeps its results
            self._collect(ending, log)
        finally:
            log.close()
        if failure is not None:
            raise failure
        return ending

    def _collect(self, ending: Ending, log: LogFile) -> None:
        try:
            self.collect(ending)
        except TransferError as error:
            if ending is not Ending.FAILED:
                raise
            log.write(f"[{error}]\n".encode())  # the program's failure is the one to report

    def _explain(self, code: int, log: LogFile) -> str:
        """AWS's form: the program's own words where it left some, else the end of its log."""
        words = self.own_words()
        if words:
            ending = f", {describe_exit(code)}" if code < 0 else f", exit code: {code}"
            head = "AlgorithmError: "
            return head + shorten(words, _LONGEST_REASON - len(head) - len(ending)) + ending
        head = f"AlgorithmError: {describe_exit(code)}"
        tail = log.tail(_TAIL_LINES)
        return f"{head}; the log ends with: {tail[-(_LONGEST_REASON - len(head) - 25) :]}" if tail else head

    def _finish(self, ending: Ending, reason: str | None = None) -> None:
        if ending in (Ending.COMPLETED, Ending.STOPPED):
            for host in self.hosts:
                shutil.rmtree(host.base, ignore_errors=True)
        if ending is Ending.TIMED_OUT:
            reason = f"The job ran past its MaxRuntimeInSeconds of {self.limit_seconds} and was stopped."
        if ending in (Ending.FAILED, Ending.TIMED_OUT):
            self.failure_reason = shorten(reason or "", _LONGEST_REASON)
        with self._lock:
            self.ended = now()
            self.enter({Ending.TIMED_OUT: "MaxRuntimeExceeded"}.get(ending, ending.value))
            self.status = "Stopped" if ending is Ending.TIMED_OUT else ending.value
            _log.info("%s", " ".join([self.name, self.status, *(self.failure_reason or "").split()]))
            self._ended.set()


def unsupported(what: str) -> ApiError:
    """The error of a request for something that only AWS can do."""
    return ApiError("ValidationException", f"The embedded SageMaker does not support {what}.")


def check_path(path: str, what: str) -> None:
    """Refuse a path of a request that lies outside the job's folder.

    Raises:
        ApiError: it is not below `/opt/ml`, the only folder that a job has of its own here.
    """
    parts = Path(path).parts
    if parts[:3] != ("/", "opt", "ml") or ".." in parts:
        raise invalid(f"The LocalPath '{path}' of {what} must lie under /opt/ml, as in /opt/ml/processing/data.")

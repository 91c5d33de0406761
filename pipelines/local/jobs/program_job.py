"""A job whose work is a program on each of its hosts: fetch the inputs, run it, watch it, store what it made."""

from __future__ import annotations

import logging
import threading
import time
from abc import abstractmethod

from pipelines.local.aws import Json, now, shorten
from pipelines.local.jobs.containers import Container
from pipelines.local.jobs.fleet import Ending, Fleet, Host, Surroundings
from pipelines.local.jobs.job import Job, JobError, Limit
from pipelines.local.jobs.logs import LogFile
from pipelines.local.jobs.process import Program, describe_exit
from pipelines.local.jobs.uploads import Mirror, mirroring
from pipelines.local.s3 import Storage, TransferError

_LONGEST_RUNTIME_SECONDS = 86_400  # AWS's default where a request sets no limit
_LONGEST_REASON = 1024  # characters, as in AWS's API
_TAIL_LINES = 12
_RETRY_SECONDS = 1.0  # between the attempts at a job that met an error of the server

_log = logging.getLogger(__name__)


class ProgramJob(Job):
    """A processing or training job.

    Attributes:
        mirrors: folders whose files go to S3 while the program runs; `prepare` adds them.
        limit_seconds: how long the program may run, over all its starts.
        ran_seconds: how long its program has run, over all its starts.
        idle_seconds: how long it had no program, between interruptions and the next starts.
    """

    def __init__(self, request: Json, surroundings: Surroundings) -> None:
        super().__init__(request, surroundings)
        self.container = Container.find(surroundings.containers, self.image(request), surroundings.engine)
        self.results = Storage(self._surroundings.connection.s3)  # a stopped job still keeps its results
        self.mirrors: list[Mirror] = []
        stopping: Json = request.get("StoppingCondition", {})
        self.limit_seconds: int = stopping.get("MaxRuntimeInSeconds", _LONGEST_RUNTIME_SECONDS)
        self.ran_seconds = self.idle_seconds = 0.0
        self._interrupted: float | None = None  # when, in the time of time.monotonic
        self._halting = threading.Event()

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
        """Store what the hosts made, but for the mirrors."""

    @abstractmethod
    def own_words(self) -> str | None:
        """What the program itself wrote about its failure, if anything."""

    def retries(self) -> int:
        """How often the job is started again after an error of the server."""
        return 0

    def limits(self) -> list[Limit]:
        """How long the program may still run, one way or another."""
        reason = f"The job ran past its MaxRuntimeInSeconds of {self.limit_seconds} and was stopped."
        return [Limit(self.limit_seconds - self.ran_seconds, "MaxRuntimeExceeded", reason)]

    def stop(self) -> None:
        """Ask the job to end; it does so within the grace time."""
        super().stop()
        self._halting.set()

    def interrupt(self) -> None:
        """Take the hosts away as AWS takes back spot instances: the program is asked to end, and started again."""
        self._halting.set()

    def execute(self) -> Ending:
        """Run the program, anew after an error of the server where the request asks for it."""
        program = self.program()
        absent = self.container.absent()
        if absent:
            raise JobError(absent)
        left = self.retries()
        while True:
            try:
                return self._run_logged(program)
            except (JobError, TransferError):
                raise
            except Exception:
                if left == 0 or self._stopping.is_set():
                    raise
                _log.exception("The job %s met an error of the server and is started again", self.name)
            left -= 1
            self.enter("Restarting")
            self._stopping.wait(_RETRY_SECONDS)

    def _run_logged(self, program: Program) -> Ending:
        self.fresh_folder()
        log = LogFile(self.folder / "log")
        try:
            while not self._stopping.is_set():
                ending = self._attempt(program, log)
                if ending is not None:
                    return ending
        finally:
            log.close()
        return Ending.STOPPED

    def _attempt(self, program: Program, log: LogFile) -> Ending | None:
        """Run the program from its inputs to its results; None where it was interrupted."""
        self.enter("Downloading")
        self.mirrors.clear()
        for host in self.hosts:
            host.base.mkdir()
            self.prepare(host)
        ending, code = self._run_program(program, log)
        if ending is None:
            self._give_up_hosts(log)
            return None
        failure = JobError(self._explain(code, log)) if ending is Ending.FAILED else None
        self.enter("Uploading")
        self._collect(ending, log)
        if failure is not None:
            raise failure
        return ending

    def _run_program(self, program: Program, log: LogFile) -> tuple[Ending | None, int]:
        """Run the program on the hosts, its mirrors beside it; None where it was interrupted."""
        self._halting.clear()
        if self._stopping.is_set():  # between the last transfer and now
            self._halting.set()
        began = time.monotonic()
        if self._interrupted is not None:
            self.idle_seconds += began - self._interrupted
        self.started = self.started or now()
        self.enter("Training")
        self.limit = min(self.limits(), key=lambda limit: limit.seconds)
        fleet = Fleet(self.hosts, self._surroundings, log, (self.log_group, self.name))
        with mirroring(self.mirrors):
            ending, code = fleet.run(program, self.container, self.limit.seconds, self._halting)
        over = time.monotonic()
        self.ran_seconds += over - began
        self._interrupted = over if ending is Ending.STOPPED and not self._stopping.is_set() else None
        return (ending if self._interrupted is None else None), code

    def _give_up_hosts(self, log: LogFile) -> None:
        """What an interruption leaves: the checkpoints in S3 and the log."""
        self.enter("Interrupted")
        for mirror in self.mirrors:
            mirror.sync()
        self.clear_hosts()
        log.write(b"[The job was interrupted and starts again.]\n")
        self.enter("Starting")

    def _collect(self, ending: Ending, log: LogFile) -> None:
        try:
            for mirror in self.mirrors:
                mirror.sync()
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

"""One execution of a pipeline: how far it is, with every change of it kept on disk and announced."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Mapping

from pipelines.local.announcements import Announcements
from pipelines.local.aws import Json, invalid
from pipelines.local.definitions.definition import Definition, Step
from pipelines.local.definitions.parameters import Value
from pipelines.local.executions.changes import execution_changed, step_changed
from pipelines.local.executions.disk import Disk
from pipelines.local.executions.facts import Facts
from pipelines.local.executions.runs import StepRun, Stoppable

_RETRIED = ("Failed", "Stopped")
_INTERRUPTED = "InternalServerError: the server ended while this ran; RetryPipelineExecution goes on from here."
_UNWRITTEN = "InternalServerError: how this ended could not be written: {}."

_log = logging.getLogger(__name__)


class Execution:
    """One run of a pipeline. Its state may be read by any thread while the engine writes it.

    Each change is on disk before anybody can read it.

    Args:
        facts: what it is; nobody else changes them.
        definition: what it runs: a later update of the pipeline does not touch it.
        disk: where it is kept.
        announcements: are told of each change of state.
    """

    def __init__(self, facts: Facts, definition: Definition, disk: Disk, announcements: Announcements) -> None:
        self.definition = definition
        self.identity, self.arn = facts.identity, facts.arn
        self.pipeline_name, self.pipeline_arn = facts.pipeline_name, facts.pipeline_arn
        self.role_arn = facts.role_arn
        self.version, self.created = facts.version, facts.created
        self.parameters: Mapping[str, Value] = facts.parameters
        self.runs: dict[str, StepRun] = {}
        self.ended = threading.Event()
        self._facts = facts
        self._disk = disk
        self._announcements = announcements
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._jobs: set[Stoppable] = set()

    @property
    def status(self) -> str:
        """As DescribePipelineExecution answers it."""
        with self._lock:
            return self._facts.status

    @property
    def token(self) -> str:
        """The token of the call that started it."""
        return self._facts.tokens[0]

    @property
    def stopping(self) -> bool:
        """Whether somebody asked the execution to stop."""
        return self._stopping.is_set()

    @property
    def most_parallel(self) -> int | None:
        """How many steps may run at once, where somebody has said so."""
        with self._lock:
            return (self._facts.parallelism or {}).get("MaxParallelExecutionSteps")

    @property
    def selected(self) -> frozenset[str]:
        """Names of the steps that it is to run."""
        if self._facts.selection is None:
            return frozenset(self.definition.steps)
        return frozenset(each["StepName"] for each in self._facts.selection["SelectedSteps"])

    def open(self) -> None:
        """Note that it starts, with the steps whose results it takes from another execution."""
        with self._lock:
            for run in self.runs.values():
                self._disk.put_run(self.arn, run)
            self._disk.put(self._facts)
        self._announce(None)

    def reopen(self, token: str, parallelism: Json | None) -> bool:
        """Have it go on from the steps that have not succeeded; False where the call of this token did so already.

        Raises:
            ApiError: it has neither failed nor been stopped.
        """
        with self._lock:
            if token in self._facts.tokens:
                return False
            before = self._facts.status
            if before not in _RETRIED:
                raise invalid(f"{self.arn} cannot be retried: it is {before}, not {' or '.join(_RETRIED)}.")
            retried = self._facts.retried(token, parallelism)
            self._disk.put(retried)
            for name in [name for name, run in self.runs.items() if run.status != "Succeeded"]:
                self._disk.remove_run(self.arn, name)
                del self.runs[name]
            self._facts = retried
            self._jobs.clear()
            self._stopping.clear()
            self.ended.clear()
        self._announce(before)
        return True

    def begin(self, step: Step) -> StepRun:
        """Note that a step starts."""
        run = StepRun(step)
        with self._lock:
            self._disk.put_run(self.arn, run)
            self.runs[step.name] = run
        self._announce_step(run, "Starting")
        return run

    def begin_again(self, run: StepRun) -> None:
        """Note that a step is tried once more."""
        with self._lock:
            run.attempts += 1
            run.metadata = {}
            self._disk.put_run(self.arn, run)

    def attach(self, job: Stoppable) -> None:
        """Have a running step's job stopped together with the execution, and remember which job it is."""
        with self._lock:
            for run in self.runs.values():
                if run.ended is None:
                    self._disk.put_run(self.arn, run)
            self._jobs.add(job)
            if self.stopping:
                job.stop()

    def end(self, run: StepRun, status: str, reason: str | None = None) -> None:
        """Note how a step ended.

        Raises:
            sqlite3.Error: it cannot be written; then the step has failed, as it has for the next server.
        """
        with self._lock:
            before = run.status
            run.finish(status, reason)
            try:
                self._disk.put_run(self.arn, run)
            except sqlite3.Error as error:
                run.finish("Failed", _UNWRITTEN.format(error))
                raise
        self._announce_step(run, before)

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until somebody stops the execution."""
        self._stopping.wait(seconds)

    def stop(self) -> None:
        """Start no more steps and stop the jobs of those that run."""
        with self._lock:
            if self.ended.is_set() or self.stopping:
                return
            before = self._facts.status
            self._become("Stopping")
            self._stopping.set()
            for job in self._jobs:
                job.stop()
        self._announce(before)

    def finish(self, status: str, reason: str | None = None) -> None:
        """Note how the execution ended; where that cannot be written, it has failed."""
        with self._lock:
            before = self._facts.status
            try:
                self._become(status, reason)
            finally:
                self.ended.set()
        self._announce(before)

    def resume(self, runs: Mapping[str, StepRun]) -> None:
        """Take over what was read from disk."""
        self.runs.update(runs)
        if self.status not in ("Executing", "Stopping"):
            self.ended.set()

    def mend(self) -> None:
        """Have what ran when an earlier server died fail; an execution that ended is left alone."""
        for run in self.runs.values():
            if run.ended is None:
                self.end(run, "Failed", _INTERRUPTED)
        if self.status == "Stopping":
            self.finish("Stopped")
        elif self.status == "Executing":
            self.finish("Failed", _INTERRUPTED)

    def update(self, request: Json) -> None:
        """Take over what UpdatePipelineExecution says."""
        with self._lock:
            updated = self._facts.updated(request)
            self._disk.put(updated)
            self._facts = updated

    def forget(self) -> None:
        """Remove it from disk."""
        with self._lock:
            self._disk.remove(self.arn, self.runs)

    def describe(self) -> Json:
        """The answer of DescribePipelineExecution."""
        with self._lock:
            return self._facts.describe()

    def summary(self) -> Json:
        """Its line in ListPipelineExecutions."""
        with self._lock:
            return self._facts.summary()

    def steps(self) -> list[Json]:
        """The lines of ListPipelineExecutionSteps, in the order in which the steps started."""
        with self._lock:
            return [run.summary() for run in self.runs.values()]

    def bound_parameters(self) -> list[Json]:
        """The lines of ListPipelineParametersForExecution."""
        return self._facts.bound_parameters()

    def _become(self, status: str, reason: str | None = None) -> None:
        """Change the status, also where that cannot be written: a full disk must not keep an execution from ending."""
        self._facts.become(status, reason)
        try:
            self._disk.put(self._facts)
        except sqlite3.Error as error:
            _log.exception("The state of %s could not be written", self.arn)
            if status != "Stopping":  # it has failed, as it has for the next server
                self._facts.become("Failed", _UNWRITTEN.format(error))

    def _announce(self, before: str | None) -> None:
        with self._lock:
            told = execution_changed(self._facts, before)
        self._announcements.announce(told)

    def _announce_step(self, run: StepRun, before: str) -> None:
        with self._lock:
            told = step_changed(self._facts, run, before)
        self._announcements.announce(told)

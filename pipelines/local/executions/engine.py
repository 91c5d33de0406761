"""Runs one execution of a pipeline: each step as soon as what it waits for has succeeded."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from pipelines.local.definitions.definition import Node
from pipelines.local.executions.cache import StepCache
from pipelines.local.executions.records import Execution
from pipelines.local.executions.retries import Retries
from pipelines.local.executions.runs import StepRun
from pipelines.local.executions.scope import ExecutionScope
from pipelines.local.executions.step_types import take
from pipelines.local.executions.turns import Services, StepFailed, StepStopped, Turn
from pipelines.local.s3 import Storage

_MOST_PARALLEL_STEPS = 50  # AWS's default for an execution, and the most that a pipeline can have

_LOOK_SECONDS = 0.25  # between looks at whether UpdatePipelineExecution has made room for more steps

_log = logging.getLogger(__name__)


def start(execution: Execution, services: Services, cache: StepCache) -> None:
    """Run an execution in a thread of its own; it ends with `execution.finish`, whatever happens.

    Steps that have a run already, of an earlier attempt or another execution, are not run.
    """
    name = f"execution-{execution.identity}"
    threading.Thread(target=_Engine(execution, services, cache).run, name=name, daemon=True).start()


class _Engine:
    def __init__(self, execution: Execution, services: Services, cache: StepCache) -> None:
        self._execution = execution
        self._services = services
        self._cache = cache
        self._scope = ExecutionScope(execution, Storage(services.connection.in_role(execution.role_arn).s3))
        to_run = execution.selected - set(execution.runs)
        self._waiting = {node.step.name: node for node in execution.definition.nodes if node.step.name in to_run}
        self._not_taken: set[str] = set()
        self._failure: str | None = None

    def run(self) -> None:
        """Run to the end, and say how it ended."""
        try:
            self._run_all()
        except Exception as error:
            _log.exception("The execution %s met an error of the server", self._execution.arn)
            self._failure = f"InternalServerError: {type(error).__name__}: {error}"
        if self._execution.stopping:
            self._execution.finish("Stopped", self._failure)
        else:
            self._execution.finish("Succeeded" if self._failure is None else "Failed", self._failure)

    def _run_all(self) -> None:
        """Start steps as they become ready; after a failure or a stop, only wait for those that run.

        As on AWS, steps that run while another fails are let run to their end.
        """
        with ThreadPoolExecutor(_MOST_PARALLEL_STEPS, thread_name_prefix="step") as pool:
            running: set[Future[None]] = set()
            while True:
                if self._failure is None and not self._execution.stopping:
                    room = (self._execution.most_parallel or _MOST_PARALLEL_STEPS) - len(running)
                    running |= {pool.submit(self._take, node) for node in self._next(max(room, 0))}
                if not running:
                    return
                done, running = wait(running, _LOOK_SECONDS, FIRST_COMPLETED)
                for future in done:
                    future.result()

    def _next(self, room: int) -> list[Node]:
        """Take at most `room` ready steps off the waiting ones, and those of branches not taken too."""
        for name in list(self._skipped()):
            del self._waiting[name]
            self._not_taken.add(name)
        ready = [node for node in self._waiting.values() if all(map(self._succeeded, node.waits_for))][:room]
        for node in ready:
            del self._waiting[node.step.name]
        return ready

    def _skipped(self) -> Iterator[str]:
        """Steps that will not run: their branch is not taken, or they wait for a step of such a branch."""
        skipped = set(self._not_taken)
        for _ in self._waiting:  # once per step is enough for the longest chain
            before = len(skipped)
            skipped |= {
                name
                for name, node in self._waiting.items()
                if self._off_branch(node) or not skipped.isdisjoint(node.waits_for)
            }
            if len(skipped) == before:
                break
        yield from skipped - self._not_taken

    def _off_branch(self, node: Node) -> bool:
        run = self._execution.runs.get(node.condition or "")
        return run is not None and run.outcome is not None and run.outcome != node.branch

    def _succeeded(self, name: str) -> bool:
        run = self._execution.runs.get(name)
        return run is not None and run.status == "Succeeded"

    def _take(self, node: Node) -> None:
        run = self._execution.begin(node.step)
        turn = Turn(self._execution, run, self._scope, self._services)
        try:
            if not self._cache.answers(turn):
                self._attempt(turn)
                self._cache.remember(turn)
        except StepStopped:
            self._execution.end(run, "Stopped")
        except StepFailed as error:
            self._fail(run, str(error))
        except Exception as error:
            _log.exception("The step %s met an error of the server", node.step.name)
            self._fail(run, f"InternalServerError: {type(error).__name__}: {error}")
        else:
            self._execution.end(run, "Succeeded")

    def _attempt(self, turn: Turn) -> None:
        """Take a step, as often as its retry policies want."""
        retries = Retries(turn.step)
        while True:
            try:
                return take(turn)
            except StepStopped:
                raise
            except Exception as error:
                pause = retries.pause_seconds(error)
                if pause is None:
                    raise
                _log.info("%s is tried again in %g seconds: %s", turn.step.name, pause, error)
                self._execution.pause(pause)
            if self._execution.stopping:
                raise StepStopped
            self._execution.begin_again(turn.run)

    def _fail(self, run: StepRun, reason: str) -> None:
        self._execution.end(run, "Failed", reason)
        if self._failure is None:
            self._failure = f"Step {run.step.name} failed: {reason}"

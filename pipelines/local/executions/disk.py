"""What of executions is on disk: their facts, and the run of each of their steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from pipelines.local.aws import Json
from pipelines.local.executions.facts import Facts
from pipelines.local.executions.runs import StepRun
from pipelines.local.store import Store

_EXECUTIONS, _RUNS = "pipeline-execution", "pipeline-step-run"  # kinds of documents in the store


class Disk:
    """Writes and reads executions.

    Args:
        store: where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, facts: Facts) -> None:
        """Write an execution's facts.

        Raises:
            sqlite3.Error: that cannot be done.
        """
        self._store.put(_EXECUTIONS, facts.arn, asdict(facts))

    def put_run(self, arn: str, run: StepRun) -> None:
        """Write the run of a step of the execution of this ARN.

        Raises:
            sqlite3.Error: that cannot be done.
        """
        self._store.put(_RUNS, f"{arn}/{run.step.name}", {"execution": arn, **run.document()})

    def remove_run(self, arn: str, step: str) -> None:
        """Remove the run of a step."""
        self._store.remove(_RUNS, f"{arn}/{step}")

    def remove(self, arn: str, steps: Iterable[str]) -> None:
        """Remove an execution with the runs of these steps."""
        for step in steps:
            self.remove_run(arn, step)
        self._store.remove(_EXECUTIONS, arn)

    def read(self) -> Iterator[tuple[Facts, list[Json]]]:
        """Each execution, the oldest first, with the documents of its runs; `step` names whose run it is."""
        runs: dict[str, list[Json]] = defaultdict(list)
        for document in self._store.all(_RUNS):
            runs[document["execution"]].append(document)
        for document in self._store.all(_EXECUTIONS):
            facts = Facts(**document)
            yield facts, runs[facts.arn]

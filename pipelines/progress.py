"""Follow an execution: what each step does, and how it ended."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.live import Live
from rich.table import Table

from pipelines.notes import made_by, note_on
from pipelines.target import Target
from pipelines.text import printable

ENDED = {"Succeeded", "Failed", "Stopped"}
COLOURS = {"Succeeded": "green", "Failed": "red", "Stopped": "yellow", "Executing": "cyan", "Starting": "cyan"}
PATIENCE = 30
"""Reads in a row that may fail before following an execution is given up."""


@dataclass(frozen=True)
class StepProgress:
    """A step of an execution.

    Attributes:
        name: the step's name.
        status: Starting, Executing, Succeeded, Failed or Stopped.
        seconds: how long it ran, or has run so far.
        note: what came of it or, while it runs, how far it is.
        made: ARN of the job or model package it made; empty where there is none.
    """

    name: str
    status: str
    seconds: float
    note: str
    made: str = ""


@dataclass(frozen=True)
class Progress:
    """An execution at one moment.

    Attributes:
        arn: the execution's ARN.
        status: Executing, Stopping, Succeeded, Failed or Stopped.
        reason: why it failed, in the words of the steps that failed where they left any; empty otherwise.
        steps: in the order in which they started.
    """

    arn: str
    status: str
    reason: str
    steps: tuple[StepProgress, ...]

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ENDED

    def step(self, name: str) -> StepProgress | None:
        """The step of that name; None when it has not started."""
        return next((step for step in self.steps if step.name == name), None)


def read_progress(target: Target, execution: str, before: Progress | None = None) -> Progress:
    """Ask how the execution stands.

    Args:
        target: where it runs.
        execution: its ARN.
        before: what was read last; steps that had ended by then are not asked about again.
    """
    ended = {step.name: step for step in before.steps if step.status in ENDED} if before else {}
    described = target.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
    pages = target.sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=execution, SortOrder="Ascending"
    )
    found = [step for page in pages for step in page["PipelineExecutionSteps"]]
    steps = tuple(ended.get(step["StepName"]) or _step(target, step) for step in found)
    # Of the execution itself, AWS only says that one or multiple steps failed.
    failures = [f"step {step.name} failed: {step.note}" for step in steps if step.status == "Failed" and step.note]
    return Progress(
        arn=execution,
        status=described["PipelineExecutionStatus"],
        reason="; ".join(failures) or described.get("FailureReason", ""),
        steps=steps,
    )


def watch(target: Target, execution: str, console: Console, interval_seconds: float = 2.0) -> Progress:
    """Show the execution until it ends and return how it ended.

    On a terminal a table is kept up to date; elsewhere a line is printed for every change of a step's status.
    """
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4) as live:
            return follow(target, execution, lambda progress: live.update(as_table(progress.steps)), interval_seconds)
    printed: set[tuple[str, str]] = set()

    def print_changes(progress: Progress) -> None:
        for step in progress.steps:
            if (step.name, step.status) not in printed:
                printed.add((step.name, step.status))
                note = f"  {printable(step.note)}" if step.status in ENDED and step.note else ""
                console.print(
                    f"{step.name:<24}{step.status:<12}{step.seconds:6.0f} s{note}", soft_wrap=True, markup=False
                )

    return follow(target, execution, print_changes, interval_seconds)


def as_table(steps: Sequence[StepProgress]) -> Table:
    """A table of the steps."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", expand=True)
    table.add_column("step", no_wrap=True, width=max((len(step.name) for step in steps), default=4))
    table.add_column("status", no_wrap=True, width=10)
    table.add_column("seconds", no_wrap=True, width=7, justify="right")
    table.add_column("what it is doing", no_wrap=True, ratio=1, overflow="ellipsis")
    for step in steps:
        colour = COLOURS.get(step.status, "white")
        table.add_row(step.name, f"[{colour}]{step.status}[/]", f"{step.seconds:.0f}", _plain(step.note))
    return table


def follow(target: Target, execution: str, show: Callable[[Progress], None], interval_seconds: float = 2.0) -> Progress:
    """Have `show` see each state of the execution until it ends; returns how it ended."""
    progress = read_progress(target, execution)
    misses = 0
    while True:
        show(progress)
        if progress.ended:
            return progress
        time.sleep(interval_seconds)
        try:
            progress = read_progress(target, execution, progress)
            misses = 0
        except (ClientError, BotoCoreError):
            # An execution takes hours; a throttled call or a lost connection must not end the watch.
            misses += 1
            if misses == PATIENCE:
                raise


def _step(target: Target, described: Any) -> StepProgress:
    start = described.get("StartTime")
    end = described.get("EndTime") or datetime.now(UTC)
    return StepProgress(
        name=described["StepName"],
        status=described["StepStatus"],
        seconds=(end - start).total_seconds() if start else 0.0,
        note=note_on(target, described),
        made=made_by(described),
    )


def _plain(note: str) -> str:
    """The first line of `note`, free of what a terminal would obey and rich would take for markup."""
    return printable((note.splitlines() or [""])[0]).replace("[", r"\[")

"""The logs of a step's jobs: all instances, in the order of time, followed while they grow."""

import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.aws_refusals import OWN_FAULT, THROTTLED
from pipelines.errors import PipelineError
from pipelines.executions.jobs import Job, describe_step, jobs_of
from pipelines.progress import ENDED, PATIENCE
from pipelines.target import Target
from pipelines.text import printable

_Answer = TypeVar("_Answer")
PAGE_EVENTS = 10_000
"""Lines in one answer of GetLogEvents; AWS's limit."""


@dataclass(frozen=True, order=True)
class Line:
    """A line of a log.

    Attributes:
        milliseconds: when it was written, since 1970.
        origin: instance or trial that wrote it; empty where there is only one.
        text: fit for a terminal.
    """

    milliseconds: int
    origin: str = field(compare=False)
    text: str = field(compare=False)


class Logs:
    """The log streams of jobs, read from where the last reading ended.

    Args:
        target: where the jobs run.
        lines: how many lines at the end of a stream the first reading gives; 0 for all.
    """

    def __init__(self, target: Target, lines: int) -> None:
        self._logs = target.logs
        self._lines = lines
        self._read_to: dict[tuple[str, str], str] = {}
        self._begun = False

    def new_lines(self, jobs: list[Job]) -> Iterator[Line]:
        """What the streams of `jobs` have gained, merged by time; a page of each is in memory at once."""
        streams = [(job, name) for job in jobs for name in self._streams(job)]
        read = [self._lines_of(job, name, named=len(streams) > 1) for job, name in streams]
        yield from heapq.merge(*read)
        self._begun = self._begun or bool(streams)

    def _streams(self, job: Job) -> list[str]:
        pages = self._logs.get_paginator("describe_log_streams").paginate(
            logGroupName=job.log_group, logStreamNamePrefix=f"{job.name}/"
        )
        try:
            return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        except self._logs.exceptions.ResourceNotFoundException:
            return []  # the first job of its kind has not written yet

    def _lines_of(self, job: Job, stream: str, *, named: bool) -> Iterator[Line]:
        instance = stream.removeprefix(f"{job.name}/").rpartition("-")[0] or stream
        origin = " ".join(filter(None, (job.about, instance))) if named else ""
        for event in self._events(job.log_group, stream):
            yield Line(event["timestamp"], origin, printable(event["message"]))

    def _events(self, group: str, stream: str) -> Iterator[Any]:
        where: Any = {"logGroupName": group, "logStreamName": stream}
        token = self._read_to.get((group, stream))
        if token is None and self._lines and not self._begun:
            answer: Any = self._logs.get_log_events(**where, limit=min(self._lines, PAGE_EVENTS), startFromHead=False)
            yield from answer["events"]
            token = answer["nextForwardToken"]
            self._read_to[group, stream] = token
        while True:
            if token:
                where["nextToken"] = token
            answer = self._logs.get_log_events(**where, startFromHead=True)
            yield from answer["events"]
            # Only now: should another stream's reading fail meanwhile, a line comes twice rather than never.
            self._read_to[group, stream] = answer["nextForwardToken"]
            if answer["nextForwardToken"] == token:  # AWS's sign of the end; an empty page is none
                return
            token = answer["nextForwardToken"]


def last_lines(target: Target, jobs: list[Job], lines: int) -> list[Line]:
    """The last lines of the jobs' logs, at most so many of each stream."""
    return list(Logs(target, lines).new_lines(jobs))


def show_logs(
    target: Target,
    execution: str,
    step: str,
    lines: int,
    follow: bool,
    write: Callable[[str], None],
    interval_seconds: float = 2.0,
) -> None:
    """Write the logs of a step's jobs, and what they gain until the step ends.

    Args:
        target: where the execution runs.
        execution: its ARN.
        step: the step's name.
        lines: how many of the last lines of each instance; 0 for all.
        follow: go on until the step has ended; wait for it to start if need be.
        write: told each line.
        interval_seconds: between two readings.

    Raises:
        PipelineError: there is no such step, it has not started and is not followed, or it has no log.
    """
    logs = Logs(target, lines)
    steps = _until_ended(target, execution, step, interval_seconds) if follow else _now(target, execution, step)

    def write_new_lines(described: Any) -> bool:
        wrote = False
        for line in logs.new_lines(jobs_of(target, described)):
            write(f"{line.origin} | {line.text}" if line.origin else line.text)
            wrote = True
        return wrote

    wrote_any = False
    for described in steps:
        wrote_any |= _patiently(partial(write_new_lines, described), interval_seconds)
    if not wrote_any:
        raise PipelineError(f"step {step} has written no log: it made no job, or its job never ran")


def _now(target: Target, execution: str, step: str) -> Iterator[Any]:
    described = describe_step(target, execution, step)
    if described is None:
        raise PipelineError(f"step {step} has not started in {execution}: wait for it with -f")
    yield described


def _until_ended(target: Target, execution: str, step: str, interval_seconds: float) -> Iterator[Any]:
    """The step again and again, and twice after its end: CloudWatch shows the last lines some seconds later."""
    while True:
        described = _patiently(partial(describe_step, target, execution, step), interval_seconds)
        if described is None and _patiently(partial(_has_ended, target, execution), interval_seconds):
            described = describe_step(target, execution, step)  # it may have started and ended in between
            if described is None:
                raise PipelineError(f"{execution} ended before step {step} started")
        over = described is not None and described["StepStatus"] in ENDED
        if described is not None:
            yield described
        time.sleep(interval_seconds)
        if over:
            yield described
            return


def _patiently(call: Callable[[], _Answer], interval_seconds: float) -> _Answer:
    """Repeat a call that fails: a throttled call or a lost connection must not end hours of following."""
    for _ in range(PATIENCE - 1):
        try:
            return call()
        except BotoCoreError:
            time.sleep(interval_seconds)
        except ClientError as error:
            if error.response["Error"].get("Code") not in THROTTLED | OWN_FAULT:
                raise
            time.sleep(interval_seconds)
    return call()


def _has_ended(target: Target, execution: str) -> bool:
    described = target.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
    return described["PipelineExecutionStatus"] in ENDED

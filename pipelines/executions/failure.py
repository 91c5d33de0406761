"""Why an execution failed: each failed step with its reason, its last words, and where to go from there."""

from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.aws_refusals import advice_on
from pipelines.executions.console_links import console_link
from pipelines.executions.jobs import describe_step, jobs_of
from pipelines.executions.logs import last_lines
from pipelines.progress import Progress, StepProgress
from pipelines.target import Target

LAST_LINES = 15


@dataclass(frozen=True)
class FailedStep:
    """A step that failed.

    Attributes:
        name: the step's.
        seconds: how long it ran.
        reason: in its own words where it left any, else in AWS's.
        advice: what to do about a reason of AWS's; empty where nothing more is known.
        log: the last lines of its jobs.
        link: the console's page of its job; empty where there is none.
        repeatable: whether `repeat` can run its job on this machine.
    """

    name: str
    seconds: float
    reason: str
    advice: str
    log: tuple[str, ...]
    link: str
    repeatable: bool


def explain_failure(target: Target, ended: Progress) -> list[FailedStep]:
    """The failed steps of an execution that has ended, in the order in which they started."""
    return [_explain(target, ended.arn, step) for step in ended.steps if step.status == "Failed"]


def describe_failure(step: FailedStep, repeat: str) -> Iterator[str]:
    """A failed step in lines.

    Args:
        step: the step.
        repeat: the command that repeats it on this machine.
    """
    yield f"step {step.name} failed after {step.seconds:.0f} s: {step.reason or 'no reason is given'}"
    if step.advice:
        yield f"  what to do: {step.advice}"
    if step.log:
        yield "  its last lines:"
        yield from (f"    {line}" for line in step.log)
    if step.link:
        yield f"  in the console: {step.link}"
    if step.repeatable:
        yield f"  to repeat it on this machine: {repeat}"


def _explain(target: Target, execution: str, step: StepProgress) -> FailedStep:
    try:
        jobs = jobs_of(target, describe_step(target, execution, step.name))
        lines = last_lines(target, jobs[:1], LAST_LINES)
    except (ClientError, BotoCoreError):
        jobs, lines = [], []  # who may follow an execution need not be able to read its logs
    return FailedStep(
        name=step.name,
        seconds=step.seconds,
        reason=step.note,
        advice=advice_on(step.note),
        log=tuple(f"{line.origin} | {line.text}" if line.origin else line.text for line in lines),
        link=console_link(target, step.made),
        repeatable=any(job.kind != "TransformJob" for job in jobs),
    )

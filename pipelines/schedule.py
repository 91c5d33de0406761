"""When the pipeline is started anew by itself: the schedule that calls the retraining function of the stack."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipelines.config import Config
from pipelines.deployed import deployed_pipeline
from pipelines.errors import PipelineError
from pipelines.operations import Report
from pipelines.recurrence import Every, read_recurrence
from pipelines.target import Target

# What Scheduler puts in the place of the words in angle brackets; the same when it tries again.
EVENT = json.dumps({"time": "<aws.scheduler.scheduled-time>"})
# A call that fails is repeated for an hour; then the occasion has passed. These are the stack's values too.
RETRIES = {"MaximumRetryAttempts": 8, "MaximumEventAgeInSeconds": 3600}
# Scheduler refuses an update that repeats a start which has passed.
NO_LIMITS = {"StartDate": None, "EndDate": None}


@dataclass(frozen=True)
class Times:
    """When the pipeline should be started.

    Attributes:
        expression: as Scheduler writes it.
        zone: time zone in which that is meant.
        first: the first time.
        counted: whether the others are counted from the first.
    """

    expression: str
    zone: str
    first: datetime
    counted: bool


@dataclass(frozen=True)
class ScheduleNow:
    """A schedule at one moment.

    Attributes:
        expression: when it is due, as Scheduler writes it.
        zone: time zone in which that is meant.
        enabled: whether it starts anything.
        next: when it does so next; None where it never does, or that cannot be told.
    """

    expression: str
    zone: str
    enabled: bool
    next: datetime | None


def schedule_name(config: Config) -> str:
    """Name of the schedule, and of the function that it calls."""
    return f"{config.name}-retrain"


def describe_schedule(target: Target, config: Config) -> ScheduleNow | None:
    """How the schedule stands; None where there is none."""
    found = _find(target.client("scheduler"), schedule_name(config))
    return None if found is None else _read(found)


def read_times(expression: str, zone: str) -> Times:
    """Read when the pipeline should be started; a rate begins a period from now.

    Args:
        expression: `rate(...)`, `cron(...)` or `at(...)`.
        zone: name of the IANA time zone in which it is meant.

    Raises:
        PipelineError: the expression or the zone is none, or it is never due.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    recurrence = read_recurrence(expression, zone, now)
    first = recurrence.after(now)
    if first is None:
        raise PipelineError(f"the schedule {expression} is never due: its times have passed, or there are none")
    return Times(expression, zone, first, counted=isinstance(recurrence, Every))


def set_schedule(target: Target, config: Config, times: Times, report: Report) -> None:
    """Have the pipeline started at certain times, unless it is running then.

    A schedule that is as wanted already stays so.

    Args:
        target: where.
        config: the configuration, placed in the target.
        times: when.
        report: told in a line what is done.

    Raises:
        PipelineError: there is no function to call, or no pipeline to start.
    """
    scheduler, name = target.client("scheduler"), schedule_name(config)
    found = _find(scheduler, name)
    known = found and _read(found)
    if known and known.next and (known.expression, known.zone) == (times.expression, times.zone):
        report(f"{name} is scheduled so already: {_words(known.expression, known.next)}")
        return
    settings = found or _made_anew(target, config)
    deployed_pipeline(target, config.name)
    wanted = {"ScheduleExpression": times.expression, "ScheduleExpressionTimezone": times.zone, "State": "ENABLED"}
    # Without a start Scheduler would begin to count at once, and start an execution that nobody expects yet.
    start = {"StartDate": times.first} if times.counted else {}
    _put(scheduler, name, {**settings, **NO_LIMITS, **wanted, **start}, is_new=found is None)
    report(f"scheduled {name}: {_words(times.expression, times.first)}")


def unset_schedule(target: Target, config: Config, report: Report) -> None:
    """Have the pipeline started by nobody but people; the schedule stays, disabled, with its times."""
    scheduler, name = target.client("scheduler"), schedule_name(config)
    found = _find(scheduler, name)
    if found is None or not _read(found).enabled:
        report(f"nothing is scheduled: {config.name} is started by hand alone")
        return
    _put(scheduler, name, {**found, **NO_LIMITS, "State": "DISABLED"}, is_new=False)
    report(f"unscheduled {name}: {config.name} is started by hand alone; what runs goes on")


def _words(expression: str, first: datetime) -> str:
    return f"{expression}, next on {first:%a %Y-%m-%d %H:%M %Z}, unless the pipeline is running then"


def _find(scheduler: Any, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = scheduler.get_schedule(Name=name)
    except scheduler.exceptions.ResourceNotFoundException:
        return None
    return found


def _read(found: dict[str, Any]) -> ScheduleNow:
    expression, zone = found["ScheduleExpression"], found.get("ScheduleExpressionTimezone") or "UTC"
    enabled = found.get("State") != "DISABLED"
    return ScheduleNow(expression, zone, enabled, _next(expression, zone, found.get("StartDate")) if enabled else None)


def _next(expression: str, zone: str, start: datetime | None) -> datetime | None:
    now = datetime.now(UTC)
    try:
        recurrence = read_recurrence(expression, zone, start or now)
    except PipelineError:  # written elsewhere, in a way that is unknown here
        return None
    from_unknown = isinstance(recurrence, Every) and start is None
    return None if from_unknown else recurrence.after(now)


def _put(scheduler: Any, name: str, settings: dict[str, Any], *, is_new: bool) -> None:
    """Create the schedule, or replace all of its settings, which is what an update does."""
    operation = "CreateSchedule" if is_new else "UpdateSchedule"
    taken = scheduler.meta.service_model.operation_model(operation).input_shape.members
    given = {key: value for key, value in settings.items() if key in taken and value is not None}
    put = scheduler.create_schedule if is_new else scheduler.update_schedule
    put(**{**given, "Name": name})


def _made_anew(target: Target, config: Config) -> dict[str, Any]:
    """The settings of a schedule that somebody deleted, which the stack does not notice; named as in its template.

    Raises:
        PipelineError: there is no function to call either.
    """
    name, functions = schedule_name(config), target.client("lambda")
    try:
        function = functions.get_function_configuration(FunctionName=name)
    except functions.exceptions.ResourceNotFoundException:
        raise PipelineError(
            f"there is neither a schedule nor a function {name}: `make deploy-stack` makes both"
        ) from None
    called = {
        "Arn": function["FunctionArn"],
        "RoleArn": f"arn:{target.partition}:iam::{target.account}:role/{config.name}-scheduler",
        "Input": EVENT,
        "RetryPolicy": RETRIES,
    }
    dead_letters = function.get("DeadLetterConfig", {}).get("TargetArn")
    if dead_letters:
        called["DeadLetterConfig"] = {"Arn": dead_letters}
    return {"FlexibleTimeWindow": {"Mode": "OFF"}, "Target": called}

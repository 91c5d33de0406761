"""What a pipeline costs in a month: its executions by their schedule, its endpoint, and what its bucket holds."""

import re
from dataclasses import dataclass

from pipelines.cost.estimate import Amount, Estimate
from pipelines.cost.prices import S3_STANDARD, SERVERLESS_MEMORY
from pipelines.cost.quotes import HOURS_PER_MONTH, Notes, Quotes
from pipelines.cost.settings import CostSettings
from pipelines.errors import PipelineError
from pipelines.target import Target
from steps.deploy.settings import DeploySettings

RATE = re.compile(r"rate\(([1-9]\d{0,5}) (minute|hour|day)s?\)")
UNIT_HOURS = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}


@dataclass(frozen=True)
class Monthly:
    """A line of the month: what it is for, and what it costs."""

    what: str
    amount: Amount


def runs_per_month(expression: str) -> float:
    """How often a schedule fires in a month of 730 hours.

    Raises:
        PipelineError: it is no rate; how often a cron expression fires is not counted here.
    """
    found = RATE.fullmatch(expression.strip())
    if not found:
        raise PipelineError(f"the costs of a month need a rate, such as rate(7 days); {expression!r} is none")
    return HOURS_PER_MONTH / (int(found[1]) * UNIT_HOURS[found[2]])


def deployed_schedule(target: Target, pipeline: str, notes: Notes) -> str:
    """The expression of the schedule that retrains, where it is enabled and a rate; empty otherwise."""
    scheduler = target.client("scheduler")
    try:
        schedule = scheduler.get_schedule(Name=f"{pipeline}-retrain")
    except scheduler.exceptions.ResourceNotFoundException:
        return ""
    expression = str(schedule["ScheduleExpression"])
    if schedule.get("State") != "ENABLED":
        return ""
    if not RATE.fullmatch(expression):
        notes.miss(f"executions by the schedule {expression}: name a rate like it with --every")
        return ""
    return expression


def month(
    execution: Estimate, every: str, deploy: DeploySettings | None, settings: CostSettings, quotes: Quotes
) -> list[Monthly]:
    """What a month costs, part by part; `quotes` notes what that rests on, and what it leaves out.

    Args:
        execution: what one execution costs.
        every: the schedule, such as `rate(7 days)`; empty for none.
        deploy: the endpoint; None where there is none.
        settings: what is assumed.
        quotes: what things cost where it runs.

    Raises:
        PipelineError: the schedule is no rate.
    """
    found: list[Monthly | None] = []
    if every:
        runs = runs_per_month(every)
        found.append(Monthly(f"{runs:.1f} executions, {every}", execution.total.times(runs)))
    if deploy is not None:
        serverless = deploy.hosting == "serverless"
        found.append(_serverless(deploy, settings, quotes) if serverless else _instances(deploy, quotes))
    if settings.stored_gb:
        found.append(_bucket(settings.stored_gb, quotes))
    return [part for part in found if part is not None]


def _instances(deploy: DeploySettings, quotes: Quotes) -> Monthly | None:
    hour = quotes.instance_hour("endpoint", "Hosting", deploy.instance_type)
    if hour is None:
        return None
    few, many = deploy.minimum_instances, deploy.maximum_instances
    quotes.notes.assume(f"the endpoint always has {few} of its {few} to {many} instances")
    usual, most = hour * HOURS_PER_MONTH * few, hour * HOURS_PER_MONTH * many
    return Monthly(f"endpoint, {few} x {deploy.instance_type}", Amount(usual, usual, usual, most))


def _serverless(deploy: DeploySettings, settings: CostSettings, quotes: Quotes) -> Monthly | None:
    usd = quotes.unit("serverless inference", "Serverless", SERVERLESS_MEMORY)
    if usd is None:
        return None
    requests, seconds = settings.requests_per_month, settings.seconds_per_request
    quotes.notes.assume(f"the endpoint answers {requests:,} requests a month, {seconds:g} s each ([cost])")
    what = f"serverless endpoint, {deploy.memory_mb} MB"
    return Monthly(what, _fixed(usd * deploy.memory_mb / 1024 * seconds * requests))


def _bucket(stored_gb: float, quotes: Quotes) -> Monthly | None:
    usd = quotes.unit("storage in S3", "S3", S3_STANDARD)
    return None if usd is None else Monthly(f"{stored_gb:g} GB in the bucket", _fixed(usd * stored_gb))


def _fixed(usd: float) -> Amount:
    return Amount(usd, usd, usd, usd)

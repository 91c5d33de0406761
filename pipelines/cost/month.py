"""What a pipeline costs in a month: its executions by their schedule, its endpoint, and what its bucket holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice, takewhile

from pipelines.config import Config
from pipelines.cost.estimate import Amount, Estimate
from pipelines.cost.prices import S3_STANDARD, SERVERLESS_MEMORY
from pipelines.cost.quotes import HOURS_PER_MONTH, Quotes
from pipelines.cost.settings import CostSettings
from pipelines.recurrence import Calendar, Every, read_recurrence
from pipelines.schedule import describe_schedule
from pipelines.target import Target
from steps.deploy.settings import DeploySettings

YEAR = timedelta(days=365)
COUNTED = 10_000
"""Times of a year that are counted one by one; more of them are taken to go on as they began."""


@dataclass(frozen=True)
class Monthly:
    """A line of the month: what it is for, and what it costs."""

    what: str
    amount: Amount


def runs_per_month(expression: str, zone: str = "UTC") -> float:
    """How often a schedule fires in a month of 730 hours; of one that fires once, once until it has fired.

    Raises:
        PipelineError: it is no schedule expression, or there is no such time zone.
    """
    now = datetime.now(UTC)
    recurrence = read_recurrence(expression.strip(), zone, now)
    match recurrence:
        case Every(period=period):
            return HOURS_PER_MONTH * timedelta(hours=1) / period
        case Calendar(cron=cron):
            return _per_year(cron.since(now.date()), datetime.combine(now.date(), time())) / 12
        case _:
            return 0.0 if recurrence.after(now) is None else 1.0


def runs_possible(runs: float, execution: Estimate, quotes: Quotes) -> float:
    """How many of a month's executions find the one before ended; the schedule skips the others.

    No execution is shorter than its longest step; `quotes` notes where that bounds them.
    """
    longest = max((line.minutes or 0 for line in execution.lines if line.job.branch != "else"), default=0)
    minutes = 60 * HOURS_PER_MONTH
    if runs * longest <= minutes:
        return runs
    quotes.notes.assume(f"the schedule skips while an execution runs, which takes {longest:.1f} minutes or more")
    return minutes / longest


def _per_year(times: Iterator[datetime], start: datetime) -> float:
    """How many of the times, given in order, are in a year from `start` on."""
    counted = list(islice(takewhile(lambda moment: moment < start + YEAR, times), COUNTED))
    return len(counted) if len(counted) < COUNTED else COUNTED * (YEAR / (counted[-1] - start))


def deployed_schedule(target: Target, config: Config) -> tuple[str, str]:
    """Expression and time zone of the schedule that retrains; the expression is empty where nothing is scheduled."""
    found = describe_schedule(target, config)
    return (found.expression, found.zone) if found and found.enabled else ("", "UTC")


def month(
    execution: Estimate, runs: float, deploy: DeploySettings | None, settings: CostSettings, quotes: Quotes
) -> list[Monthly]:
    """What a month costs, part by part; `quotes` notes what that rests on, and what it leaves out.

    Args:
        execution: what one execution costs.
        runs: executions a month.
        deploy: the endpoint; None where there is none.
        settings: what is assumed.
        quotes: what things cost where it runs.
    """
    found: list[Monthly | None] = []
    if runs:
        found.append(Monthly(f"{runs:.1f} executions", execution.total.times(runs)))
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

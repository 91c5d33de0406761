"""What a pipeline costs in a month: its executions by their schedule, its endpoint, and what its bucket holds."""

import re
from dataclasses import dataclass

from pipelines.cost.estimate import HOURS_PER_MONTH, Amount, Estimate, Notes
from pipelines.cost.prices import S3_STANDARD, SERVERLESS_MEMORY, PriceTable
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
    execution: Estimate,
    every: str,
    deploy: DeploySettings | None,
    settings: CostSettings,
    prices: PriceTable,
    region: str,
    notes: Notes,
) -> list[Monthly]:
    """What a month costs, part by part.

    Args:
        execution: what one execution costs.
        every: the schedule, such as `rate(7 days)`; empty for none.
        deploy: the endpoint; None where there is none.
        settings: what is assumed.
        prices: what AWS asks.
        region: where it runs.
        notes: takes what the figures rest on, and what they leave out.

    Raises:
        PipelineError: the schedule is no rate.
    """
    found = []
    if every:
        runs = runs_per_month(every)
        found.append(Monthly(f"{runs:.1f} executions, {every}", execution.total.times(runs)))
    if deploy is not None:
        if deploy.hosting == "serverless":
            endpoint = _serverless(deploy, settings, prices, region, notes)
        else:
            endpoint = _instances(deploy, prices, region, notes)
        found += [] if endpoint is None else [endpoint]
    if settings.stored_gb:
        price = prices.find(region, "S3", S3_STANDARD)
        if price is None:
            notes.miss(f"no price for storage in S3 in {region}")
        else:
            found.append(Monthly(f"{settings.stored_gb:g} GB in the bucket", _fixed(price.usd * settings.stored_gb)))
    return found


def _instances(deploy: DeploySettings, prices: PriceTable, region: str, notes: Notes) -> Monthly | None:
    price = prices.instance(region, "Hosting", deploy.instance_type)
    if price is None:
        notes.miss(f"endpoint: no price for {deploy.instance_type} in {region}")
        return None
    if price.meter != "Hosting":
        notes.assume(f"{deploy.instance_type} is taken to cost the same for Hosting as for {price.meter}")
    one, few, many = price.usd * HOURS_PER_MONTH, deploy.minimum_instances, deploy.maximum_instances
    notes.assume(f"the endpoint always has {few} of its {few} to {many} instances")
    return Monthly(f"endpoint, {few} x {deploy.instance_type}", Amount(one * few, one * few, one * few, one * many))


def _serverless(
    deploy: DeploySettings, settings: CostSettings, prices: PriceTable, region: str, notes: Notes
) -> Monthly | None:
    price = prices.find(region, "Serverless", SERVERLESS_MEMORY)
    if price is None:
        notes.miss(f"endpoint: no price for serverless inference in {region}")
        return None
    requests, seconds = settings.requests_per_month, settings.seconds_per_request
    notes.assume(f"the endpoint answers {requests:,} requests a month, {seconds:g} s each ([cost])")
    what = f"serverless endpoint, {deploy.memory_mb} MB"
    return Monthly(what, _fixed(price.usd * deploy.memory_mb / 1024 * seconds * requests))


def _fixed(usd: float) -> Amount:
    return Amount(usd, usd, usd, usd)

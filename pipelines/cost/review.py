"""The answers to `cost`: an estimate of a preset's pipeline, and the bill of an execution beside it."""

import json
from collections.abc import Mapping

from rich.console import Console

from pipelines.config import Config
from pipelines.cost.billed import billed_jobs
from pipelines.cost.charges import charges
from pipelines.cost.durations import Durations, declared, measured
from pipelines.cost.estimate import Estimate, Notes, estimate
from pipelines.cost.jobs import parameter_values, planned_jobs, uncounted_steps
from pipelines.cost.month import deployed_schedule, month
from pipelines.cost.prices import PriceTable, load_prices
from pipelines.cost.report import show_bill, show_estimate, show_month, show_notes
from pipelines.target import Target


def review(
    console: Console,
    target: Target | None,
    config: Config,
    region: str,
    definition: str,
    parameters: Mapping[str, str],
    every: str,
) -> None:
    """Show what an execution and a month cost.

    Args:
        console: where to show it.
        target: asked for the last execution and the schedule; None to reckon without an account.
        config: the configuration, placed.
        region: where it runs.
        definition: what `compile_definition` made of the configuration.
        parameters: values that take the place of parameters' defaults.
        every: a schedule to reckon with; empty for the deployed one.

    Raises:
        PipelineError: a parameter does not exist, or the schedule is no rate.
    """
    notes, prices = _start(region)
    durations = measured(target, config.name, config.cost.minutes) if target else declared(config.cost.minutes)
    execution = _estimate(config, definition, parameters, durations, prices, region, notes)
    console.print(f"{config.name} in {region}, US dollars before taxes", markup=False)
    show_estimate(console, execution, complete=not notes.missing)
    schedule = every or (deployed_schedule(target, config.name, notes) if target else "")
    parts = month(execution, schedule, config.deploy, config.cost, prices, region, notes)
    show_month(console, parts, complete=not notes.missing)
    _conclude(console, prices, region, notes)


def review_execution(console: Console, target: Target, config: Config, definition: str, execution: str) -> None:
    """Show what AWS billed for an execution, beside what the preset had let one expect.

    Args:
        console: where to show it.
        target: where the execution ran.
        config: the configuration, placed there.
        definition: what `compile_definition` made of it.
        execution: the execution's ARN.
    """
    notes, prices = _start(target.region)
    given = target.sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(
        PipelineExecutionArn=execution
    )
    known = {parameter["Name"] for parameter in json.loads(definition).get("Parameters", [])}
    parameters = {each["Name"]: each["Value"] for page in given for each in page["PipelineParameters"]}
    parameters = {name: value for name, value in parameters.items() if name in known}
    durations = declared(config.cost.minutes)
    planned = _estimate(config, definition, parameters, durations, prices, target.region, notes)
    console.print(f"{execution}, US dollars before taxes", markup=False, soft_wrap=True)
    bill = charges(billed_jobs(target, execution), planned, prices, target.region, notes)
    show_bill(console, bill, complete=not notes.missing)
    _conclude(console, prices, target.region, notes)


def _start(region: str) -> tuple[Notes, PriceTable]:
    prices = load_prices()
    notes = Notes()
    if region not in prices.regions():
        notes.miss(f"no prices for {region}: `make prices REGION={region}` reads them from AWS")
    return notes, prices


def _estimate(
    config: Config,
    definition: str,
    parameters: Mapping[str, str],
    durations: Durations,
    prices: PriceTable,
    region: str,
    notes: Notes,
) -> Estimate:
    document = json.loads(definition)
    jobs = planned_jobs(document, parameter_values(document, parameters))
    for step, kind in uncounted_steps(document).items():
        notes.miss(f"{step}: what a step of type {kind} costs is not known here")
    saving = config.cost.spot_saving
    notes.assume(durations.source)
    notes.assume("nothing is reused from earlier executions")
    notes.assume("least: searches stop early all trials that they can; most: every job takes its time limit, repeated")
    if any(job.meter == "Training" for job in jobs):
        notes.assume(f"spot instances save {saving:.0%} of what training costs")
    return estimate(jobs, durations.minutes, prices, region, saving, notes)


def _conclude(console: Console, prices: PriceTable, region: str, notes: Notes) -> None:
    dates = sorted(price.date for price in prices if price.region == region)
    if dates:
        notes.assume(f"prices are of {dates[0]} to {dates[-1]}: `make prices REGION={region}` reads today's from AWS")
    notes.assume("requests to S3, functions, logs and metrics are not counted: they are cents")
    show_notes(console, notes)

"""The answers to `cost`: an estimate of a preset's pipeline, and the bill of an execution beside it."""

import json
from collections.abc import Iterator, Mapping

from rich.console import Console

from pipelines.config import Config
from pipelines.cost.billed import billed_jobs
from pipelines.cost.charges import charges
from pipelines.cost.durations import Durations, declared, expected
from pipelines.cost.estimate import Estimate, estimate
from pipelines.cost.jobs import parameter_values, planned_jobs, uncounted_steps
from pipelines.cost.month import deployed_schedule, month, runs_per_month, runs_possible
from pipelines.cost.prices import load_prices
from pipelines.cost.quotes import Quotes
from pipelines.cost.report import show_bill, show_estimate, show_month, show_notes
from pipelines.executions.parameters import check_parameters
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
        PipelineError: an execution could not start with the parameters, or the schedule is none.
    """
    quotes = Quotes(load_prices(), region)
    check_parameters(definition, parameters)
    durations = expected(target, config.name, config.cost.minutes)
    execution = _estimate(config, definition, parameters, durations, quotes)
    for sentence in (
        "nothing is reused from earlier executions",
        f"spot instances save {config.cost.spot_saving:.0%} of what training costs",
        "least: searches stop early all trials that they can; most: every job takes its time limit, repeated",
    ):
        quotes.notes.assume(sentence)
    complete = not quotes.notes.missing
    schedule, zone = (every, "UTC") if every or target is None else deployed_schedule(target, config)
    runs = runs_per_month(schedule, zone) if schedule else 0.0
    if schedule:
        often = f"an execution is started by {schedule}"
        quotes.notes.assume(often if runs else f"no execution is started any more by {schedule}")
    possible = runs_possible(runs, execution, quotes)
    parts = month(execution, possible, config.deploy, config.cost, quotes)
    console.print(f"{config.name} in {region}, US dollars before taxes", markup=False)
    show_estimate(console, execution, complete=complete)
    show_month(console, parts, complete=not quotes.notes.missing)
    _conclude(console, quotes)


def review_execution(console: Console, target: Target, config: Config, definition: str, execution: str) -> None:
    """Show what AWS billed for an execution, beside what the preset had let one expect.

    Args:
        console: where to show it.
        target: where the execution ran.
        config: the configuration, placed there.
        definition: what `compile_definition` made of it.
        execution: the execution's ARN.
    """
    quotes = Quotes(load_prices(), target.region)
    known = {parameter["Name"] for parameter in json.loads(definition).get("Parameters", [])}
    given = {name: value for name, value in _given(target, execution) if name in known}
    foreseen = _estimate(config, definition, given, declared(config.cost.minutes), quotes)
    bill = charges(billed_jobs(target, execution), foreseen, quotes)
    if not target.on_aws:
        quotes.notes.assume("the seconds are those of an embedded SageMaker: AWS has billed nothing")
    console.print(f"{execution}, US dollars before taxes", markup=False, soft_wrap=True)
    show_bill(console, bill, complete=not quotes.notes.missing)
    _conclude(console, quotes)


def _given(target: Target, execution: str) -> Iterator[tuple[str, str]]:
    """The parameters that an execution was started with."""
    pages = target.sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(
        PipelineExecutionArn=execution
    )
    return ((each["Name"], each["Value"]) for page in pages for each in page["PipelineParameters"])


def _estimate(
    config: Config, definition: str, parameters: Mapping[str, str], durations: Durations, quotes: Quotes
) -> Estimate:
    document = json.loads(definition)
    jobs = planned_jobs(document, parameter_values(document, parameters))
    for step, kind in uncounted_steps(document).items():
        quotes.notes.miss(f"{step}: what a step of type {kind} costs is not known here")
    quotes.notes.assume(durations.source)
    return estimate(jobs, durations.minutes, quotes, config.cost.spot_saving)


def _conclude(console: Console, quotes: Quotes) -> None:
    dates = quotes.dates()
    if dates:
        quotes.notes.assume(f"prices are of {dates}: `make prices REGION={quotes.region}` reads today's from AWS")
    quotes.notes.assume("requests to S3, functions, logs and metrics are not counted: they are cents")
    show_notes(console, quotes.notes)

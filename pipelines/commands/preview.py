"""Before one acts: what an upsert would change, and what an execution costs."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.shell import Parameters, Preset, compiled, console, name_value_pairs, placed, say
from pipelines.config import load_preset
from pipelines.cost import review
from pipelines.cost.prices import load_prices, price_file, save_prices
from pipelines.cost.refresh import read_region
from pipelines.diff.deployed import read_deployed, upsert_changes
from pipelines.errors import PipelineError
from pipelines.executions.chosen import chosen_execution

app = typer.Typer()

NOWHERE = "000000000000"


@app.command()
def diff(preset: Preset = "abid") -> None:
    """Tell what an upsert would change of the deployed pipeline; the exit code is 0 only when nothing would."""
    target, config = placed(preset)
    deployed = read_deployed(target, config.name)
    if deployed is None:
        say(f"pipeline {config.name} does not exist yet: `make upsert-pipeline` creates it")
        raise typer.Exit(1)
    changed = upsert_changes(deployed, config, compiled(config, target.region))
    for sentence in changed:
        say(sentence)
    if changed:
        raise typer.Exit(1)
    say(f"pipeline {config.name} is as it is compiled now: an upsert would change nothing")


@app.command()
def cost(
    preset: Preset = "abid",
    parameter: Parameters = None,
    every: Annotated[
        str, typer.Option(help="Schedule for the month, rate(7 days) say; the deployed one by default.")
    ] = "",
    execution: Annotated[str, typer.Option(help="ARN, or latest: what AWS billed for it, beside the estimate.")] = "",
    region: Annotated[str, typer.Option(help="Reckon for this region without asking AWS; needs no credentials.")] = "",
) -> None:
    """Tell what an execution and a month cost, with what that rests on; or what AWS billed for an execution."""
    if region and execution:
        raise PipelineError("give --region or --execution, not both: an execution has its region")
    given = name_value_pairs(parameter or [])
    if region:
        config = load_preset(preset).placed(NOWHERE, region)
        review.review(console, None, config, region, compiled(config, region), given, every)
        return
    target, config = placed(preset)
    definition = compiled(config, target.region)
    if execution:
        arn = chosen_execution(target, config.name, execution)
        review.review_execution(console, target, config, definition, arn)
    else:
        review.review(console, target, config, target.region, definition, given, every)


@app.command()
def prices(
    region: Annotated[list[str] | None, typer.Option(help="Region, repeatable; all of the table by default.")] = None,
    file: Annotated[Path | None, typer.Option(help="The table; the project's own by default.")] = None,
) -> None:
    """Read the prices of regions anew from the AWS price list; needs credentials that may call pricing:GetProducts."""
    path = file or Path(str(price_file()))
    table = load_prices(path)
    for each in region or table.regions():
        found = read_region(each)
        table = table.with_region(each, found)
        say(f"{each}: {len(found)} prices")
    save_prices(table, path)

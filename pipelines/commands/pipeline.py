"""The pipeline itself: put it up, look at its definition, run it."""

import sys
from typing import Annotated

import typer

from pipelines import operations, progress
from pipelines.commands.shell import (
    Execution,
    Parameters,
    Preset,
    compiled,
    console,
    name_value_pairs,
    placed,
    say,
)
from pipelines.config import load_preset
from pipelines.errors import PipelineError
from pipelines.executions.chosen import chosen_execution
from pipelines.executions.failure import describe_failure, explain_failure
from pipelines.target import told_what_was_done

app = typer.Typer()


@app.command("upsert-pipeline")
def upsert_pipeline(preset: Preset = "abid") -> None:
    """Upload the step code and create or update the pipeline."""
    target, config = placed(preset)
    with told_what_was_done(say) as report:
        operations.upsert(target, config, compiled(config, target.region), report)


@app.command("compile")
def compile_(
    preset: Preset = "abid",
    account: Annotated[str, typer.Option(help="Account to compile for.")] = "000000000000",
    region: Annotated[str, typer.Option(help="Region to compile for.")] = "us-east-1",
) -> None:
    """Print the pipeline definition as JSON; needs no credentials and no network."""
    sys.stdout.write(compiled(load_preset(preset).placed(account, region), region) + "\n")


@app.command()
def start(
    preset: Preset = "abid",
    parameter: Parameters = None,
) -> None:
    """Start an execution."""
    target, config = placed(preset)
    say(f"started {operations.start(target, config.name, name_value_pairs(parameter or []))}")


@app.command()
def watch(preset: Preset = "abid", execution: Execution = "") -> None:
    """Follow an execution until it ends; the exit code is 0 only when it succeeded."""
    target, config = placed(preset)
    ended = progress.watch(target, chosen_execution(target, config.name, execution), console)
    say(f"{ended.status} {ended.arn}")
    for step in explain_failure(target, ended):
        repeat = f"python -m pipelines repeat {step.name} --preset {preset} --execution {ended.arn}"
        say("\n".join(describe_failure(step, repeat)))
    if ended.status != "Succeeded":
        raise PipelineError(ended.reason or f"the execution ended as {ended.status}")

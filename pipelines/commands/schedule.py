"""Retraining by itself: set the schedule, and switch it off."""

from typing import Annotated

import typer

from pipelines.commands.shell import Preset, placed, say
from pipelines.schedule import read_times, set_schedule, unset_schedule

app = typer.Typer()


@app.command()
def schedule(
    expression: Annotated[str, typer.Argument(help='Such as "rate(7 days)" or "cron(0 3 ? * MON *)".')],
    timezone: Annotated[str, typer.Option(help="IANA time zone of the expression, such as Europe/Berlin.")] = "UTC",
    preset: Preset = "abid",
) -> None:
    """Have the pipeline started at certain times, unless it is running then."""
    times = read_times(expression, timezone)  # before anything is asked of AWS
    set_schedule(*placed(preset), times, say)


@app.command()
def unschedule(preset: Preset = "abid") -> None:
    """Have the pipeline started by hand alone."""
    unset_schedule(*placed(preset), say)

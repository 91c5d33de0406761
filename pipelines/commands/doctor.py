"""Whether all that the pipeline needs is there."""

import typer

from pipelines.commands.shell import Preset, compiled, say
from pipelines.config import load_preset
from pipelines.doctor.examination import examine
from pipelines.doctor.finding import State

app = typer.Typer()


@app.command()
def doctor(preset: Preset = "abid") -> None:
    """Look at everything the pipeline needs; the exit code is 1 when something must be done."""
    to_do = 0
    for finding in examine(load_preset(preset), compiled):
        say(f"{finding.state.value:<9}{finding.about:<22}{finding.text}")
        to_do += finding.state is State.TO_DO
    if to_do:
        say(f"{to_do} to do")
        raise typer.Exit(1)

"""Before one acts: what an upsert would change."""

import typer

from pipelines.commands.shell import Preset, compiled, placed, say
from pipelines.diff.deployed import read_deployed, upsert_changes

app = typer.Typer()


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

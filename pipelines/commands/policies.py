"""What the people who deploy and operate may do, as IAM policies."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.shell import Preset, say
from pipelines.config import load_preset
from pipelines.policies.placing import write_policies
from pipelines.target import connect

app = typer.Typer()


@app.command()
def policies(
    preset: Preset = "abid",
    to: Annotated[Path, typer.Option(help="Folder to write them to.")] = Path(".local/policies"),
) -> None:
    """Write the IAM policies of those who deploy and of those who operate the pipeline, for this account."""
    target = connect()
    for file in write_policies(to, target.place_unstacked(load_preset(preset)), target.partition):
        say(str(file))

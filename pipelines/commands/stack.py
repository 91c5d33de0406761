"""The stack: what the pipeline needs around it, put up and taken away."""

from typing import Annotated

import typer

from pipelines.commands.shell import Preset, console
from pipelines.config import load_preset
from pipelines.stack.delete import delete_stack as delete
from pipelines.stack.deploy import deploy_stack as deploy
from pipelines.target import connect

app = typer.Typer()


@app.command("deploy-stack")
def deploy_stack(
    preset: Preset = "abid",
    yes: Annotated[bool, typer.Option("--yes", help="Also remove and replace what is there.")] = False,
) -> None:
    """Put up, or bring up to date, what the pipeline needs: bucket, key, roles, functions, alarms and the like."""
    target = connect()
    deploy(target, target.place_unstacked(load_preset(preset)), console, yes=yes)


@app.command("delete-stack")
def delete_stack(
    preset: Preset = "abid",
    with_data: Annotated[
        bool, typer.Option("--with-data", help="Also remove the bucket, all that it holds, and its key.")
    ] = False,
) -> None:
    """Remove the stack; bucket, key, registered models and images stay."""
    target = connect()
    delete(target, target.place_unstacked(load_preset(preset)), console, with_data=with_data)

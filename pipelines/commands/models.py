"""The models in the registry: list them, approve or reject one."""

from typing import Annotated

import typer
from rich.table import Table

from pipelines import endpoints, operations
from pipelines.commands.shell import Preset, console, placed, say
from pipelines.config import Config
from pipelines.surroundings import deploys_models
from pipelines.target import Target

app = typer.Typer()

Version = Annotated[int | None, typer.Argument(help="Version of the model package; the latest by default.")]
Comment = Annotated[str, typer.Option(help="Why; kept with the model package.")]


@app.command()
def models(preset: Preset = "abid") -> None:
    """List the registered models, their figures, their approval, and which of them answers."""
    target, config = placed(preset)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("version", "status", "accuracy", "RMSE", "registered", "endpoint"):
        table.add_column(title, no_wrap=True)
    served = _served(target, config)
    for model in operations.list_models(target, config.register_.group):
        when = model.created.astimezone().strftime("%Y-%m-%d %H:%M")
        figures = [_percent(model.accuracy), "-" if model.rmse is None else f"{model.rmse:.3f}"]
        table.add_row(str(model.version), model.status, *figures, when, served.get(model.version, ""))
    if table.row_count:
        say(f"model group {config.register_.group}")
        console.print(table)
    else:
        say(f"model group {config.register_.group} holds no model yet")


@app.command()
def approve(preset: Preset = "abid", version: Version = None, comment: Comment = "") -> None:
    """Approve a registered model."""
    _decide(preset, version, "Approved", comment)


@app.command()
def reject(preset: Preset = "abid", version: Version = None, comment: Comment = "") -> None:
    """Reject a registered model."""
    _decide(preset, version, "Rejected", comment)


def _decide(preset: str, version: int | None, decision: operations.Decision, comment: str) -> None:
    target, config = placed(preset)
    model = operations.decide(target, config.register_.group, version, decision, comment)
    say(f"version {model.version} is {model.status}: {model.arn}")
    if config.deploy is None:
        return
    if deploys_models(target, config):
        say(f"the endpoint {config.deploy.endpoint} follows: see `make endpoint`")
    else:
        again = "approve" if decision == "Approved" else "reject"
        say(f"nothing deploys it: `make deploy-stack`, then {again} it again")


def _served(target: Target, config: Config) -> dict[int | None, str]:
    """What the endpoint has to do with each version, in a word."""
    found = endpoints.describe_endpoint(target, config.deploy.endpoint) if config.deploy else None
    if found is None:
        return {}
    live: dict[int | None, str] = {variant.version: "live" for variant in found.variants}
    return live if found.coming is None else {found.coming: "coming", **live}


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"

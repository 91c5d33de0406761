"""The command line: python -m pipelines <verb>."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines import operations, progress
from pipelines.config import Config, load_preset, preset_names
from pipelines.errors import PipelineError
from pipelines.target import Target, aws_errors_explained, connect

app = typer.Typer(
    name="pipelines",
    help="Put the bin counting pipeline up, run it, and look after its models; on AWS or on an embedded SageMaker.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)

Preset = Annotated[str, typer.Option(envvar="PRESET", help=f"One of {', '.join(preset_names())}.")]
Execution = Annotated[str, typer.Option(help="ARN of the execution; the one started last by default.")]
Version = Annotated[int | None, typer.Argument(help="Version of the model package; the latest by default.")]
Comment = Annotated[str, typer.Option(help="Why; kept with the model package.")]


@app.command("upsert-pipeline")
def upsert_pipeline(preset: Preset = "abid") -> None:
    """Upload the step code and create or update the pipeline."""
    target, config = _placed(preset)
    operations.upsert(target, config, _compile(config, target.region), _say)


@app.command("compile")
def compile_(
    preset: Preset = "abid",
    account: Annotated[str, typer.Option(help="Account to compile for.")] = "000000000000",
    region: Annotated[str, typer.Option(help="Region to compile for.")] = "us-east-1",
) -> None:
    """Print the pipeline definition as JSON; needs no credentials and no network."""
    sys.stdout.write(_compile(load_preset(preset).placed(account, region), region) + "\n")


@app.command()
def start(
    preset: Preset = "abid",
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="Name=value, repeatable.")] = None,
) -> None:
    """Start an execution."""
    target, config = _placed(preset)
    _say(f"started {operations.start(target, config.name, _pairs(parameter or []))}")


@app.command()
def watch(preset: Preset = "abid", execution: Execution = "") -> None:
    """Follow an execution until it ends; the exit code is 0 only when it succeeded."""
    target, config = _placed(preset)
    ended = progress.watch(target, execution or operations.latest_execution(target, config.name), console)
    _say(f"{ended.status} {ended.arn}")
    if ended.status != "Succeeded":
        raise PipelineError(ended.reason or f"the execution ended as {ended.status}")


@app.command()
def models(preset: Preset = "abid") -> None:
    """List the registered models, their figures and their approval."""
    target, config = _placed(preset)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("version", "status", "accuracy", "RMSE", "registered"):
        table.add_column(title, no_wrap=True)
    for model in operations.list_models(target, config.register_.group):
        when = model.created.astimezone().strftime("%Y-%m-%d %H:%M")
        figures = [_percent(model.accuracy), "-" if model.rmse is None else f"{model.rmse:.3f}"]
        table.add_row(str(model.version), model.status, *figures, when)
    if table.row_count:
        _say(f"model group {config.register_.group}")
        console.print(table)
    else:
        _say(f"model group {config.register_.group} holds no model yet")


@app.command()
def approve(preset: Preset = "abid", version: Version = None, comment: Comment = "") -> None:
    """Approve a registered model."""
    _decide(preset, version, "Approved", comment)


@app.command()
def reject(preset: Preset = "abid", version: Version = None, comment: Comment = "") -> None:
    """Reject a registered model."""
    _decide(preset, version, "Rejected", comment)


@app.command()
def weights(
    architecture: Annotated[str, typer.Argument(help="Such as resnet34: a train setting, not baseline.")],
    preset: Preset = "abid",
) -> None:
    """Put torchvision's ImageNet weights into the bucket, for training to start from; needs internet."""
    from pipelines.weights import put_weights

    put_weights(*_placed(preset), architecture, _say)


@app.command()
def audit(
    data: Annotated[str, typer.Option(help="Folder or s3:// URI in ABID's layout: bin-images/ beside metadata/.")],
    preset: Preset = "abid",
    folder: Annotated[Path, typer.Option(help="Where the page and the table are put.")] = Path(".local/audit"),
) -> None:
    """Compare a folder of bins with the records, by the latest approved model."""
    from pipelines.audit.run import run_audit

    run_audit(*_placed(preset), data, folder, console)


@app.command()
def demo(
    data: Annotated[str, typer.Option(help="Folder or s3:// URI in ABID's layout; simulated bins by default.")] = "",
    images: Annotated[int, typer.Option(min=100, help="How many photos to use.")] = 2000,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its files.")] = Path(".local/demo"),
) -> None:
    """Run the whole pipeline on this machine, from a bucket of photos to a registered model."""
    from pipelines.demo.tour import tour

    tour(data, images, folder, console)


def main() -> None:
    """Run the command line; what a user can put right ends as one line and exit code 1."""
    try:
        with aws_errors_explained():
            app()
    except PipelineError as error:
        raise _failed(str(error)) from None
    except BrokenPipeError:
        # The reader, `head` say, has what it wanted; keep the interpreter from complaining on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise _failed(f"{where}{error.strerror or error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _failed(reason: str) -> SystemExit:
    Console(stderr=True, highlight=False).print(f"error: {reason}", style="red", soft_wrap=True, markup=False)
    return SystemExit(1)


def _placed(preset: str) -> tuple[Target, Config]:
    config = load_preset(preset)
    target = connect()
    return target, target.place(config)


def _compile(config: Config, region: str) -> str:
    # The SDK takes seconds to import; only the verbs that compile wait for it.
    from pipelines.definition import compile_definition

    return compile_definition(config, region)


def _decide(preset: str, version: int | None, decision: operations.Decision, comment: str) -> None:
    target, config = _placed(preset)
    model = operations.decide(target, config.register_.group, version, decision, comment)
    _say(f"version {model.version} is {model.status}: {model.arn}")


def _pairs(parameters: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for parameter in parameters:
        name, separator, value = parameter.partition("=")
        if not (name and separator):
            raise PipelineError(f"parameter {parameter!r} is not of the form Name=value")
        if name in pairs:
            raise PipelineError(f"parameter {name} is given twice, as {pairs[name]!r} and as {value!r}: give it once")
        pairs[name] = value
    return pairs


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _say(line: str) -> None:
    console.print(line, soft_wrap=True, markup=False)


if __name__ == "__main__":
    main()

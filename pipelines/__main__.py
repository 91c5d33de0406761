"""The command line: python -m pipelines <verb>."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines import endpoints, operations, progress
from pipelines.config import Config, load_preset, preset_names
from pipelines.errors import PipelineError
from pipelines.target import Target, aws_errors_explained, connect
from pipelines.teardown import teardown

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
    """List the registered models, their figures, their approval, and which of them answers."""
    target, config = _placed(preset)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("version", "status", "accuracy", "RMSE", "registered", "endpoint"):
        table.add_column(title, no_wrap=True)
    served = _served(target, config)
    for model in operations.list_models(target, config.register_.group):
        when = model.created.astimezone().strftime("%Y-%m-%d %H:%M")
        figures = [_percent(model.accuracy), "-" if model.rmse is None else f"{model.rmse:.3f}"]
        table.add_row(str(model.version), model.status, *figures, when, served.get(model.version, ""))
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
def endpoint(preset: Preset = "abid") -> None:
    """Tell how the endpoint stands, and what answers there."""
    target, config = _placed(preset)
    name = endpoints.endpoint_name(config)
    found = endpoints.describe_endpoint(target, name)
    if found is None:
        _say(f"there is no endpoint {name}: approving a model creates it")
        return
    _say(f"endpoint {found.name} is {found.status}")
    for variant in found.variants:
        version = "a model of unknown origin" if variant.version is None else f"version {variant.version}"
        _say(f"{variant.share:.0%} of the requests go to {version} ({variant.hosting})")
    if found.coming is not None:
        _say(f"it is moving to version {found.coming}")
    if found.captured:
        _say(f"{found.captured} % of the requests are kept in the bucket")
    if found.reason:
        _say(f"its last change failed: {found.reason}")


@app.command()
def invoke(
    image: Annotated[Path, typer.Argument(help="A photo: JPEG, PNG or WebP.")],
    preset: Preset = "abid",
    expect: Annotated[int | None, typer.Option(min=0, help="Quantity that the records name.")] = None,
) -> None:
    """Ask the endpoint about a photo."""
    target, config = _placed(preset)
    answer = endpoints.invoke(target, endpoints.endpoint_name(config), image, expect)
    _say(f"{answer.get('count', answer.get('class'))}, with a confidence of {answer['confidence']:.1%}")
    if expect is not None:
        probability = answer["probability_of_match"]
        told = "the model knows no such count" if probability is None else f"probability of {expect}: {probability:.1%}"
        _say(f"{answer['verdict']} ({told})")


@app.command("teardown")
def teardown_(preset: Preset = "abid") -> None:
    """Remove what costs money: the endpoint, and what was made for it."""
    target, config = _placed(preset)
    teardown(target, endpoints.endpoint_name(config), _say)


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
    if config.deploy:
        _say(f"the endpoint {config.deploy.endpoint} follows: see `make endpoint`")


def _served(target: Target, config: Config) -> dict[int | None, str]:
    """What the endpoint has to do with each version, in a word."""
    found = endpoints.describe_endpoint(target, config.deploy.endpoint) if config.deploy else None
    if found is None:
        return {}
    live: dict[int | None, str] = {variant.version: "live" for variant in found.variants}
    return live if found.coming is None else {found.coming: "coming", **live}


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

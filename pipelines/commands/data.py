"""Photos and weights: the guided run, the audit of a folder, weights to start from."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.shell import NO_FOLDER, Preset, console, placed, required, say
from pipelines.target import connect

app = typer.Typer()


@app.command("push")
def push_(
    folder: Annotated[
        Path,
        typer.Argument(
            parser=required(Path, "name the folder of photos, such as FOLDER=photos of make"),
            help="Photos, as the preset's layout wants them.",
        ),
    ],
    to: Annotated[str, typer.Argument(help="s3://bucket/prefix; the preset's source by default.")] = "",
    preset: Preset = "abid",
) -> None:
    """Send a folder of photos to the bucket; what is there already is left as it is."""
    from pipelines.push.push import push

    if to:
        push(connect(), folder, to, console)
    else:
        target, config = placed(preset)
        push(target, folder, config.catalog.source, console)


@app.command()
def weights(
    architecture: Annotated[str, typer.Argument(help="Such as resnet34: a train setting, not baseline.")],
    preset: Preset = "abid",
) -> None:
    """Put torchvision's ImageNet weights into the bucket, for training to start from; needs internet."""
    from pipelines.weights import put_weights

    put_weights(*placed(preset), architecture, say)


@app.command()
def audit(
    data: Annotated[
        str,
        typer.Option(
            parser=required(str, "name the bins, a folder or s3:// URI, such as DATA=bins of make"),
            help="Folder or s3:// URI in ABID's layout: bin-images/ beside metadata/.",
        ),
    ],
    preset: Preset = "abid",
    folder: Annotated[
        Path,
        typer.Option(parser=required(Path, NO_FOLDER), help="Where the page and the table are put."),
    ] = Path(".local/audit"),
) -> None:
    """Compare a folder of bins with the records, by the latest approved model."""
    from pipelines.audit.run import run_audit

    run_audit(*placed(preset), data, folder, console)


@app.command()
def demo(
    data: Annotated[str, typer.Option(help="Folder or s3:// URI in ABID's layout; simulated bins by default.")] = "",
    images: Annotated[int, typer.Option(min=100, help="How many photos to use.")] = 2000,
    folder: Annotated[
        Path, typer.Option(parser=required(Path, NO_FOLDER), help="Where the demo keeps its files.")
    ] = Path(".local/demo"),
) -> None:
    """Run the whole pipeline on this machine, from a bucket of photos to a registered model."""
    from pipelines.demo.tour import tour

    tour(data, images, folder, console)

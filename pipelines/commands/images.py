"""The container images: build them, and put them where the pipeline finds them."""

import shlex
from typing import Annotated

import typer

from pipelines.commands.shell import say
from pipelines.errors import PipelineError
from pipelines.images.build import build_images
from pipelines.images.engine import find_engine
from pipelines.images.lock import Image
from pipelines.images.push import push_images
from pipelines.images.recipe import IMAGES, read_recipe
from pipelines.target import connect

app = typer.Typer()

Names = Annotated[list[str] | None, typer.Argument(help=f"Some of {', '.join(IMAGES)}; all by default.")]
Base = Annotated[str, typer.Option(help="Base image with Python 3.11, in place of the one in the Dockerfiles.")]
Instead = Annotated[
    str,
    typer.Option(help='Requirements in place of constraints on the same packages, such as "numpy==2.3.5".'),
]
Program = Annotated[str, typer.Option("--engine", help="docker, podman or buildah; the first that works by default.")]
Options = Annotated[str, typer.Option(help="Further words for the engine's build command.")]


@app.command()
def images(
    names: Names = None, base: Base = "", instead: Instead = "", engine: Program = "", options: Options = ""
) -> None:
    """Build the container images whose inputs have changed; needs docker, podman or buildah."""
    recipes = [read_recipe(image, base, instead) for image in _chosen(names)]
    build_images(recipes, find_engine(engine), say, _words(options))


@app.command("push-images")
def push_images_(
    names: Names = None, base: Base = "", instead: Instead = "", engine: Program = "", options: Options = ""
) -> None:
    """Build the container images, push them to ECR, and write their digests into containers/images.lock."""
    target = connect()
    if not target.on_aws:
        raise PipelineError("images are pushed to ECR, and an embedded SageMaker has none: unset AWS_ENDPOINT_URL")
    recipes = [read_recipe(image, base, instead) for image in _chosen(names)]
    found = find_engine(engine)
    build_images(recipes, found, say, _words(options))
    push_images(target, recipes, found, say)


def _words(options: str) -> list[str]:
    try:
        return shlex.split(options)
    except ValueError as error:
        raise PipelineError(f"--options {options!r} cannot be split into words ({error}): mend its quotes") from None


def _chosen(names: list[str] | None) -> list[Image]:
    unknown = sorted(set(names or []) - set(IMAGES))
    if unknown:
        raise PipelineError(f"there is no image {unknown[0]!r}; images are {', '.join(IMAGES)}")
    return [image for image in IMAGES if not names or image in names]

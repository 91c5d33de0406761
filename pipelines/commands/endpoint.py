"""The endpoint: how it stands, what it answers, and its removal."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines import endpoints
from pipelines.commands.shell import Preset, placed, required, say
from pipelines.teardown import teardown

app = typer.Typer()


@app.command()
def endpoint(preset: Preset = "abid") -> None:
    """Tell how the endpoint stands, and what answers there."""
    target, config = placed(preset)
    name = endpoints.endpoint_name(config)
    found = endpoints.describe_endpoint(target, name)
    if found is None:
        say(f"there is no endpoint {name}: approving a model creates it")
        return
    say(f"endpoint {found.name} is {found.status}")
    for variant in found.variants:
        version = "a model of unknown origin" if variant.version is None else f"version {variant.version}"
        say(f"{variant.share:.0%} of the requests go to {version} ({variant.hosting})")
    if found.coming is not None:
        say(f"it is moving to version {found.coming}")
    if found.captured:
        say(f"{found.captured} % of the requests are kept in the bucket")
    if found.reason:
        say(f"its last change failed: {found.reason}")


@app.command()
def invoke(
    image: Annotated[
        Path,
        typer.Argument(
            parser=required(Path, "name the photo's file, such as IMAGE=bin.jpg of make"),
            help="A photo: JPEG, PNG or WebP.",
        ),
    ],
    preset: Preset = "abid",
    expect: Annotated[int | None, typer.Option(min=0, help="Quantity that the records name.")] = None,
) -> None:
    """Ask the endpoint about a photo."""
    target, config = placed(preset)
    answer = endpoints.invoke(target, endpoints.endpoint_name(config), image, expect)
    say(f"{answer.get('count', answer.get('class'))}, with a confidence of {answer['confidence']:.1%}")
    if expect is not None:
        probability = answer["probability_of_match"]
        told = "the model knows no such count" if probability is None else f"probability of {expect}: {probability:.1%}"
        say(f"{answer['verdict']} ({told})")


@app.command("teardown")
def teardown_(preset: Preset = "abid") -> None:
    """Remove what costs money: the endpoint, and what was made for it."""
    target, config = placed(preset)
    teardown(target, endpoints.endpoint_name(config), say)

"""What the verbs share: the terminal, the preset they work on and where it is placed."""

from typing import Annotated

import typer
from rich.console import Console

from pipelines.config import Config, load_preset, preset_names
from pipelines.errors import PipelineError
from pipelines.target import Target, connect
from pipelines.text import printable

console = Console(highlight=False)

Preset = Annotated[str, typer.Option(envvar="PRESET", help=f"One of {', '.join(preset_names())}.")]
Parameters = Annotated[list[str] | None, typer.Option("--parameter", "-p", help="Name=value, repeatable.")]
Execution = Annotated[str, typer.Option(help="ARN of the execution; the one started last by default.")]


def placed(preset: str) -> tuple[Target, Config]:
    """Where the standard AWS configuration points, and the preset placed there."""
    config = load_preset(preset)
    target = connect()
    return target, target.place(config)


def compiled(config: Config, region: str) -> str:
    """The definition of a placed configuration, as JSON."""
    # The SDK takes seconds to import; only the verbs that compile wait for it.
    from pipelines.definition import compile_definition

    return compile_definition(config, region)


def say(line: str) -> None:
    """Print lines as they are, not wrapped, but for what a terminal would obey."""
    for each in line.split("\n"):
        console.print(printable(each), soft_wrap=True, markup=False)


def name_value_pairs(parameters: list[str]) -> dict[str, str]:
    """Parameters given as Name=value.

    Raises:
        PipelineError: one is not of that form, or is given twice.
    """
    pairs: dict[str, str] = {}
    for parameter in parameters:
        name, separator, value = parameter.partition("=")
        if not (name and separator):
            raise PipelineError(f"parameter {parameter!r} is not of the form Name=value")
        if name in pairs:
            raise PipelineError(f"parameter {name} is given twice, as {pairs[name]!r} and as {value!r}: give it once")
        pairs[name] = value
    return pairs

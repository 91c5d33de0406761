"""What the verbs share: the terminal, the preset they work on and where it is placed."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from pipelines.config import Config, load_preset, preset_names
from pipelines.errors import PipelineError
from pipelines.target import Target, connect
from pipelines.text import printable

_Made = TypeVar("_Made")
console = Console(highlight=False)

Preset = Annotated[str, typer.Option(envvar="PRESET", help=f"One of {', '.join(preset_names())}.")]
Parameters = Annotated[list[str] | None, typer.Option("--parameter", "-p", help="Name=value, repeatable.")]
Execution = Annotated[str, typer.Option(help="ARN of the execution, its last part, or latest, as by default.")]


NO_FOLDER = "the folder's name is empty: name one, . for this folder"


def required(make: Callable[[str], _Made], otherwise: str) -> Callable[[str], _Made]:
    """A parser of an argument that may not be empty, as make hands on a variable that was not set.

    Args:
        make: what makes a value of a text that is not empty; an empty path would mean the current folder.
        otherwise: what is said to the user of an empty one.
    """

    def parse(text: str) -> _Made:
        if not str(text).strip():
            raise PipelineError(otherwise)
        return make(text)

    return parse


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

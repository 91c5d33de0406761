"""Pipelines of their own names, and what is said about their stacks."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from pipelines.config import Config, load_preset
from pipelines.target import Target


@pytest.fixture
def named(target: Target) -> Callable[..., Config]:
    """The demo preset under another name, with changes to its section [stack]; no stack of that name is looked up."""

    def config(name: str, **stack: object) -> Config:
        own = load_preset("demo")
        changed = {"name": name, "bucket": f"{name}-bucket", "stack": own.stack.model_copy(update=stack)}
        group = own.register_.model_copy(update={"group": name})
        return target.place_unstacked(own.model_copy(update={**changed, "register_": group}))

    return config


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def said(console: Console) -> Callable[[], str]:
    """What has been printed since it was last asked for."""

    def take() -> str:
        assert isinstance(console.file, io.StringIO)
        text = console.file.getvalue()
        console.file.seek(0)
        console.file.truncate()
        return text

    return take

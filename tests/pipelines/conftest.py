"""An embedded SageMaker with this project's containers, and clients that find it as users' programs do."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.local import EmbeddedSageMaker
from pipelines.target import Target, connect

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a second process needs to reach the server, and nothing else of AWS."""
    state = tmp_path_factory.mktemp("sagemaker")
    with EmbeddedSageMaker(state=state, containers=REPOSITORY / "containers") as server:
        others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        yield {**others, **server.environment()}


@pytest.fixture(scope="module")
def target(environment: dict[str, str]) -> Iterator[Target]:
    """The clients of our own commands, in the environment of this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        yield connect()

"""A preset's surroundings on the embedded SageMaker, all of it sound; a test plants one fault."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipelines import operations
from pipelines.config import Config, load_preset
from pipelines.definition import compile_definition
from pipelines.doctor.finding import Finding, State
from pipelines.target import Target


@pytest.fixture(scope="module")
def config(target: Target) -> Config:
    """A configuration, placed; nothing of it is there."""
    return target.place(load_preset("demo"))


@pytest.fixture(scope="module")
def filled_bucket(target: Target, config: Config, stacked: Callable[[Config], Config]) -> None:
    """The bucket of the configuration's stack, with a photo's record where photos are looked for."""
    stacked(load_preset("demo"))
    target.s3.put_object(Bucket=config.bucket, Key="demo/simulated-2000/metadata/00001.json", Body=b"{}")


@pytest.fixture(scope="module")
def definition(target: Target, config: Config, filled_bucket: None) -> str:
    """The definition of the pipeline, which has been put up in its stack."""
    placed = target.place(load_preset("demo"))
    compiled = compile_definition(placed, target.region)
    operations.upsert(target, placed, compiled, lambda _: None)
    return compiled


@pytest.fixture(scope="module")
def make_role(target: Target) -> Callable[..., None]:
    """Make a role that trusts a service."""
    iam = target.client("iam")

    def make(name: str, service: str = "sagemaker.amazonaws.com") -> None:
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))

    return make


@pytest.fixture
def judged() -> Callable[[Iterable[Finding]], list[tuple[str, str, str]]]:
    """Findings as tuples: what was looked at, how it stands, the text."""
    return lambda findings: [(each.about, each.state.value, each.text) for each in findings]


@pytest.fixture
def only_to_do() -> Callable[[Iterable[Finding]], str]:
    """The text of the one thing to do."""

    def text(findings: Iterable[Finding]) -> str:
        (found,) = [each for each in findings if each.state is State.TO_DO]
        return found.text

    return text


@pytest.fixture
def refused(target: Target) -> Any:
    """Have calls of a client fail with a code, as long as the test lasts."""
    undo: list[Callable[[], None]] = []

    def refuse(client: Any, service: str, operation: str, code: str, message: str = "no") -> None:
        def fail(**_: object) -> None:
            raise ClientError({"Error": {"Code": code, "Message": message}}, operation)

        event = f"before-call.{service}.{operation}"
        client.meta.events.register(event, fail, unique_id=event)
        undo.append(lambda: client.meta.events.unregister(event, unique_id=event))

    yield refuse
    for each in undo:
        each()

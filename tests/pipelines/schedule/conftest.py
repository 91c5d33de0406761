"""The demo's pipeline, its retraining function and its schedule, as the stack leaves them."""

import json
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines import schedule
from pipelines.config import Config, load_preset
from pipelines.target import Target

NAME = "bin-counter-demo"


@pytest.fixture(scope="module")
def config(target: Target) -> Config:
    return target.place(load_preset("demo"))


@pytest.fixture(scope="module")
def pipeline(target: Target, config: Config) -> str:
    """A pipeline of the preset's name, whose executions run until they are stopped."""
    wait = {
        "RoleArn": config.role,
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        "AppSpecification": {"ImageUri": config.images.processing, "ContainerEntrypoint": ["sleep", "600"]},
    }
    definition = {"Version": "2020-12-01", "Steps": [{"Name": "Wait", "Type": "Processing", "Arguments": wait}]}
    target.sagemaker.create_pipeline(
        PipelineName=NAME, PipelineDefinition=json.dumps(definition), RoleArn=config.role, ClientRequestToken="t" * 32
    )
    return NAME


@pytest.fixture(scope="module")
def function(stack_function: Callable[..., str], pipeline: str) -> str:
    return stack_function("retrain", f"{NAME}-retrain", RETRAIN_PIPELINE=pipeline)


@pytest.fixture
def move_clock(environment: dict[str, str]) -> Callable[..., None]:
    """Move the clock that schedules go by."""

    def move(**how: Any) -> None:
        url = f"{environment['AWS_ENDPOINT_URL']}/embedded/clock"
        with urllib.request.urlopen(url, json.dumps(how).encode(), timeout=60) as answer:  # noqa: S310 - our server's
            assert answer.status == 200

    return move


@pytest.fixture
def disabled(target: Target, function: str, move_clock: Callable[..., None]) -> Any:
    """The schedule as the stack makes it, and nothing of it afterwards."""
    scheduler = target.client("scheduler")
    called = target.client("lambda").get_function_configuration(FunctionName=function)
    scheduler.create_schedule(
        Name=function,
        ScheduleExpression="rate(1 day)",
        State="DISABLED",
        Description="Trains anew",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": called["FunctionArn"], "RoleArn": called["Role"], "Input": schedule.EVENT},
    )
    yield scheduler
    scheduler.delete_schedule(Name=function)
    move_clock(set=datetime.now(UTC).isoformat())

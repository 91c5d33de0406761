"""Training on spot instances, and the checkpoints it goes on from, in the compiled definition."""

import json
from typing import Any

import pytest

from pipelines.config import Config, load_preset, parse_config
from pipelines.definition import compile_definition
from pipelines.errors import PipelineError

MINIMAL = """
name = "some-pipeline"
bucket = "some-bucket"
role = "arn:aws:iam::111122223333:role/some"
[images]
processing = "p"
training = "t"
serving = "s"
[catalog]
source = "s3://some-bucket/photos"
"""


def training(config: Config) -> dict[str, Any]:
    definition = json.loads(compile_definition(config, "eu-west-1"))
    arguments: dict[str, Any] = next(step for step in definition["Steps"] if step["Name"] == "Train")["Arguments"]
    return arguments


def test_training_waits_for_spot_instances_up_to_twice_its_running_time_and_a_preset_may_do_without_them() -> None:
    machine = '[machines.train]\ninstance_type = "ml.g5.xlarge"\nmaximum_runtime_seconds = 7200\n'
    spot = training(parse_config(f"{MINIMAL}{machine}".encode(), "test"))
    assert spot["EnableManagedSpotTraining"] is True
    assert spot["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200, "MaxWaitTimeInSeconds": 14400}
    on_demand = training(parse_config(f"{MINIMAL}{machine}spot = false".encode(), "test"))
    assert "EnableManagedSpotTraining" not in on_demand
    assert on_demand["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200}


def test_steps_without_checkpoints_cannot_be_put_on_spot_instances() -> None:
    with pytest.raises(PipelineError, match=r"unknown field 'machines.ingest.spot'"):
        parse_config(f'{MINIMAL}[machines.ingest]\ninstance_type = "ml.m5.xlarge"\nspot = true'.encode(), "test")


def test_checkpoints_lie_where_no_execution_shows_so_that_the_training_step_can_be_reused() -> None:
    uri = training(load_preset("demo").placed("111122223333", "eu-west-1"))["CheckpointConfig"]["S3Uri"]
    assert isinstance(uri, str), "a text, not a reference that differs between executions"
    assert uri.startswith("s3://bin-counter-demo-111122223333-eu-west-1/bin-counter-demo/checkpoints/")


def test_trainings_with_other_settings_have_their_checkpoints_elsewhere() -> None:
    uris = {
        training(parse_config(f"{MINIMAL}[train]\nepochs = {epochs}".encode(), "test"))["CheckpointConfig"]["S3Uri"]
        for epochs in (3, 3, 4)
    }
    assert len(uris) == 2

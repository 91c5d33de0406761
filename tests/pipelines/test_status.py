import json
import time
from typing import Any
from uuid import uuid4

import pytest

from pipelines.config import Config, load_preset
from pipelines.status import read_status
from pipelines.target import Target

ROLE = "arn:aws:iam::123456789012:role/any"


@pytest.fixture(scope="module")
def config(target: Target) -> Config:
    return target.place(load_preset("demo"))


def put(target: Target, config: Config, *steps: dict[str, Any]) -> None:
    definition = json.dumps({"Version": "2020-12-01", "Steps": steps})
    asked = {"PipelineName": config.name, "PipelineDefinition": definition, "RoleArn": ROLE}
    try:
        target.sagemaker.create_pipeline(**asked, ClientRequestToken=uuid4().hex)
    except target.sagemaker.exceptions.ClientError:
        target.sagemaker.update_pipeline(**asked)


def run(target: Target, config: Config) -> None:
    started = target.sagemaker.start_pipeline_execution(PipelineName=config.name)["PipelineExecutionArn"]
    deadline = time.monotonic() + 60
    while target.sagemaker.describe_pipeline_execution(PipelineExecutionArn=started)["PipelineExecutionStatus"] in (
        "Executing",
        "Stopping",
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)


GOOD = {
    "Name": "Gate",
    "Type": "Condition",
    "Arguments": {
        "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}],
        "IfSteps": [],
        "ElseSteps": [],
    },
}
WORDS = "not today, as nobody has written down which of the many photos are to be counted by whom"
BAD = {"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": f"AlgorithmError: {WORDS}"}}


def test_a_pipeline_is_told_from_nothing_to_its_last_failure(target: Target, config: Config, command: Any) -> None:
    nothing = read_status(target, config)
    assert (nothing.version, nothing.executions, nothing.schedule, nothing.endpoint, nothing.model) == (
        None,
        (),
        "",
        None,
        None,
    )
    assert not nothing.is_well
    assert "bin-counter-demo is not there: put it up with `make upsert-pipeline`" in command("status", fails=True)

    put(target, config, GOOD)
    run(target, config)
    put(target, config, BAD, GOOD)
    well = read_status(target, config)
    assert (well.version, [each.status for each in well.executions], well.is_well) == (2, ["Succeeded"], True)

    run(target, config)
    failed = read_status(target, config)
    assert [each.status for each in failed.executions] == ["Failed", "Succeeded"]
    assert not failed.is_well
    told = command("status", fails=True)
    assert "version 2, put up 20" in told
    assert "Failed" in told
    assert WORDS in told, "a reason is not cut, though there is no wide terminal"
    assert "AlgorithmError" not in told


def test_schedule_and_model_are_told(target: Target, config: Config) -> None:
    group = config.register_.group
    target.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    for status in ("Approved", "PendingManualApproval"):
        target.sagemaker.create_model_package(ModelPackageGroupName=group, ModelApprovalStatus=status)
    target.client("scheduler").create_schedule(
        Name=f"{config.name}-retrain",
        ScheduleExpression="rate(7 days)",
        ScheduleExpressionTimezone="Europe/Berlin",
        FlexibleTimeWindow={"Mode": "OFF"},
        State="DISABLED",
        Target={"Arn": "arn:aws:lambda:us-east-1:123456789012:function:any", "RoleArn": ROLE},
    )
    found = read_status(target, config)
    assert found.schedule == "rate(7 days) Europe/Berlin, disabled"
    assert found.model
    assert (found.model.version, found.model.status) == (2, "PendingManualApproval")

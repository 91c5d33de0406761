"""The retraining function: one execution for one occasion, and none beside another."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.target import Target

FAIL = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "done"}}
Call = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def function(target: Target, stack_function: Callable[..., str]) -> str:
    target.sagemaker.create_pipeline(
        PipelineName="brief",
        PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": [FAIL]}),
        RoleArn="arn:aws:iam::123456789012:role/any",
        ClientRequestToken="t" * 32,
    )
    return stack_function("retrain", "brief-retrain", RETRAIN_PIPELINE="brief")


def count(target: Target) -> int:
    return len(target.sagemaker.list_pipeline_executions(PipelineName="brief")["PipelineExecutionSummaries"])


def test_a_repeated_call_starts_no_second_execution(target: Target, function: str, call_function: Call) -> None:
    before = count(target)
    event = {"time": "2026-06-02T00:00:00Z"}
    first, second = call_function(function, event), call_function(function, event)
    assert first["State"] == "started"
    assert second["PipelineExecutionArn"] == first["PipelineExecutionArn"]
    assert count(target) == before + 1
    described = target.sagemaker.describe_pipeline_execution(PipelineExecutionArn=first["PipelineExecutionArn"])
    assert described["PipelineExecutionDisplayName"] == "scheduled-2026-06-02T00-00-00Z"


@pytest.mark.parametrize("event", [{}, {"time": None}, [], "by hand"])
def test_a_call_that_names_no_time_starts_an_execution_of_its_own(
    target: Target, function: str, call_function: Call, event: Any
) -> None:
    before = count(target)
    assert call_function(function, event)["State"] == "started"
    assert count(target) == before + 1


def test_what_goes_wrong_is_an_error_so_that_the_call_is_repeated(
    stack_function: Callable[..., str], call_function: Call
) -> None:
    name = stack_function("retrain", "lost-retrain", RETRAIN_PIPELINE="lost")
    answer = call_function(name, {"time": "2026-06-02T00:00:00Z"})
    assert answer["errorType"] == "ResourceNotFound"
    assert "lost" in answer["errorMessage"]

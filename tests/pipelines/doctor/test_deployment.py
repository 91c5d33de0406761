import json
from typing import Any

import pytest

from pipelines.config import Config
from pipelines.doctor.deployment import check_function, check_pipeline, check_stack
from pipelines.target import Target


def test_a_pipeline_that_is_not_there_is_to_be_put_up(target: Target, config: Config, only_to_do: Any) -> None:
    assert "there is no pipeline bin-counter-demo: `make upsert-pipeline`" in only_to_do(
        check_pipeline(target, config, "{}")
    )


def test_a_function_that_is_not_there_is_to_be_deployed(target: Target, config: Config, only_to_do: Any) -> None:
    assert "there is no function bin-counter-demo-deploy: `make deploy-stack`" in only_to_do(
        check_function(target, config)
    )


def test_a_preset_that_deploys_nothing_needs_no_function(target: Target, config: Config) -> None:
    assert not list(check_function(target, config.model_copy(update={"deploy": None})))


def test_a_stack_is_to_be_deployed_where_there_is_none_and_sound_where_it_is(
    target: Target, config: Config, only_to_do: Any, judged: Any
) -> None:
    other = config.model_copy(update={"name": "with-stack"})
    assert "there is no stack with-stack: `make deploy-stack` creates it" in only_to_do(check_stack(target, other))
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    target.client("cloudformation").create_stack(StackName="with-stack", TemplateBody=json.dumps(template))
    assert judged(check_stack(target, other)) == [("stack", "ok", "with-stack is CREATE_COMPLETE")]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("UPDATE_IN_PROGRESS", "is UPDATE_IN_PROGRESS: wait until it has ended"),
        ("ROLLBACK_COMPLETE", r"is ROLLBACK_COMPLETE \(no rights\): run `make deploy-stack` again"),
    ],
)
def test_a_stack_that_is_not_whole_is_told_with_its_reason(
    answers: Any, config: Config, only_to_do: Any, status: str, told: str, target: Target
) -> None:
    stack = (
        f"<member><StackId>some</StackId><StackName>{config.name}</StackName>"
        f"<StackStatus>{status}</StackStatus><StackStatusReason>no rights"
        "</StackStatusReason><CreationTime>2026-01-01T00:00:00Z</CreationTime></member>"
    )
    body = f"<DescribeStacksResponse><DescribeStacksResult><Stacks>{stack}</Stacks></DescribeStacksResult>"
    answers.say(200, "text/xml", f"{body}</DescribeStacksResponse>".encode())
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(only_to_do(check_stack(target, config)))

"""The deploying function as `upsert-pipeline` puts it up: its code, its role, its rules."""

import json
from typing import Any

import pytest

from pipelines import functions
from pipelines.config import Config, load_preset
from pipelines.errors import PipelineError
from pipelines.target import Target
from steps.deploy.wishes import Wishes


@pytest.fixture(scope="module")
def config(target: Target) -> Config:
    return target.place(load_preset("demo"))


def put(target: Target, config: Config) -> list[str]:
    said: list[str] = []
    assert config.deploy
    functions.put_function(target, config, config.deploy, said.append)
    return said


def test_putting_the_function_up_again_changes_nothing(target: Target, config: Config) -> None:
    assert put(target, config) == ["created the function bin-counter-demo-deploy"]
    before = everything(target)
    assert put(target, config) == []
    assert everything(target) == before


def everything(target: Target) -> dict[str, Any]:
    rules = target.client("events").list_rules()["Rules"]
    function = target.client("lambda").get_function_configuration(FunctionName="bin-counter-demo-deploy")
    policy = target.client("lambda").get_policy(FunctionName="bin-counter-demo-deploy")["Policy"]
    return {
        "rules": [(rule["Name"], rule["EventPattern"]) for rule in rules],
        "targets": [target.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"] for rule in rules],
        "function": {key: function[key] for key in ("CodeSha256", "Environment", "Handler", "Role", "Timeout")},
        "permissions": policy,
        "roles": target.client("iam").get_role_policy(RoleName="bin-counter-demo-deploy", PolicyName="deploy")[
            "PolicyDocument"
        ],
    }


def test_a_changed_setting_reaches_the_function_that_is_there(target: Target, config: Config) -> None:
    put(target, config)
    assert config.deploy
    changed = config.model_copy(update={"deploy": config.deploy.model_copy(update={"memory_mb": 3072})})
    put(target, changed)
    described = target.client("lambda").get_function_configuration(FunctionName="bin-counter-demo-deploy")
    assert Wishes.from_environment(described["Environment"]["Variables"]).memory_mb == 3072


def test_the_function_hears_of_decisions_on_its_group_and_of_its_endpoint_at_rest(
    target: Target, config: Config
) -> None:
    put(target, config)
    rules = {rule["Name"]: json.loads(rule["EventPattern"]) for rule in target.client("events").list_rules()["Rules"]}
    assert rules["bin-counter-demo-decisions"]["detail"]["ModelPackageGroupName"] == ["bin-counter-demo"]
    assert rules["bin-counter-demo-endpoint"]["detail"]["EndpointName"] == ["bin-counter-demo"]
    statements = json.loads(target.client("lambda").get_policy(FunctionName="bin-counter-demo-deploy")["Policy"])
    allowed = {each["Sid"]: each["Condition"]["ArnLike"]["AWS:SourceArn"] for each in statements["Statement"]}
    assert allowed == {name: f"arn:aws:events:us-east-1:123456789012:rule/{name}" for name in rules}


def test_the_functions_role_reaches_no_other_endpoint_group_or_bucket(target: Target, config: Config) -> None:
    put(target, config)
    document = target.client("iam").get_role_policy(RoleName="bin-counter-demo-deploy", PolicyName="deploy")
    statements = document["PolicyDocument"]["Statement"]
    assert all("*" not in action for statement in statements for action in statement["Action"])
    (passing,) = [each for each in statements if each["Action"] == ["iam:PassRole"]]
    assert passing["Resource"] == [config.role]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    changing = next(each for each in statements if "sagemaker:DeleteEndpoint" in each["Action"])
    assert all(":bin-counter-demo" in name.replace("/", ":") for name in changing["Resource"])


def test_a_name_that_is_too_long_for_an_endpoint_is_told_before_anything_is_made() -> None:
    config = load_preset("demo").model_copy(update={"name": "n" * 41})
    with pytest.raises(PipelineError, match=r"field 'deploy.endpoint' is 'n+'"):
        config.placed("111122223333", "us-east-1")

"""The policies for people are those of one pipeline, and allow what no recorded run does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.config import Config, load_preset
from pipelines.policies.placing import LONGEST, place_policy, policy_names
from pipelines.target import Target

HERE = "us-east-1:123456789012"
DEPLOYER = tuple(name for name in policy_names() if name.startswith("deployer"))
OPERATOR = ("operator",)
SECRET = f"arn:aws:secretsmanager:{HERE}:secret:ApiKey-AbCdEfGhIjKl-abcdef"
KEY = f"arn:aws:kms:{HERE}:key/1"
REPOSITORY = f"arn:aws:ecr:{HERE}:repository/bin-counter/processing"


def _placed(preset: str) -> Config:
    return load_preset(preset).placed("123456789012", "us-east-1")


@pytest.fixture
def allowed(policies: Any, need: Any) -> Callable[..., bool]:
    """Whether policies, placed for a preset, allow an action."""

    def ask(names: tuple[str, ...], preset: str, action: str, resource: str, **tags: str) -> bool:
        documents = [json.loads(place_policy(name, _placed(preset), "aws")) for name in names]
        context = {f"aws:{kind}/pipeline": pipeline for kind, pipeline in tags.items()}
        return bool(policies(*documents).allow(need(action, resource, context)))

    return ask


@pytest.mark.parametrize("name", policy_names())
def test_a_policy_is_short_enough_for_the_longest_name_and_names_each_action(name: str) -> None:
    longest = load_preset("abid").model_copy(update={"name": "n" * 40}).placed("123456789012", "ap-southeast-1")
    text = place_policy(name, longest, "aws-us-gov")
    assert "${" not in text
    assert len("".join(text.split())) <= LONGEST
    statements = json.loads(text)["Statement"]
    assert not [action for each in statements for action in each["Action"] if "*" in action]
    assert len({each["Sid"] for each in statements}) == len(statements)


def test_the_policies_of_a_pipeline_are_written_under_its_name(target: Target, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    outcome = CliRunner().invoke(app, ["policies", "--preset", "dog-breeds", "--to", str(folder)])
    assert outcome.exit_code == 0, outcome.output
    assert {file.name for file in folder.iterdir()} == {f"dog-breeds-{name}.json" for name in policy_names()}
    role = json.loads((folder / "dog-breeds-operator.json").read_text())["Statement"][1]["Resource"]
    assert role == "arn:aws:iam::*:role/dog-breeds-pipeline"


@pytest.mark.parametrize("preset", ["abid", "nursing-home-baseline"])
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ecr:CreateRepository", REPOSITORY),
        ("ecr:PutImage", REPOSITORY),
        ("ecr:GetAuthorizationToken", "*"),
        ("iam:SimulatePrincipalPolicy", "arn:aws:iam::123456789012:role/{name}-jobs"),
        ("servicequotas:ListServiceQuotas", "*"),
        ("s3:GetEncryptionConfiguration", "arn:aws:s3:::{bucket}"),
        ("s3:PutObject", "arn:aws:s3:::{bucket}/{name}/code/any"),
        ("application-autoscaling:DeregisterScalableTarget", "*"),
        ("pricing:GetProducts", "*"),
        ("sagemaker:ListPipelineVersions", f"arn:aws:sagemaker:{HERE}:pipeline/{{name}}"),
    ],
)
def test_who_operates_may_push_look_and_tear_down(
    allowed: Callable[..., bool], preset: str, action: str, resource: str
) -> None:
    config = _placed(preset)
    assert allowed(OPERATOR, preset, action, resource.format(name=config.name, bucket=config.bucket))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("logs:DescribeLogGroups", f"arn:aws:logs:{HERE}:log-group::log-stream:"),
        ("logs:CreateLogDelivery", "*"),
        ("cloudformation:DescribeStacks", "*"),
        ("ecr:DescribeRepositories", REPOSITORY),
        ("sagemaker:DeleteModelPackageGroup", f"arn:aws:sagemaker:{HERE}:model-package-group/bin-counter-abid"),
    ],
)
def test_who_deploys_may_have_cloudformation_look_and_make(
    allowed: Callable[..., bool], action: str, resource: str
) -> None:
    assert allowed(DEPLOYER, "abid", action, resource)


def test_only_keys_and_secrets_of_the_pipeline_are_changed_or_removed(allowed: Callable[..., bool]) -> None:
    for action, resource in (
        ("kms:PutKeyPolicy", KEY),
        ("kms:ScheduleKeyDeletion", KEY),
        ("secretsmanager:GetSecretValue", SECRET),
        ("secretsmanager:DeleteSecret", SECRET),
    ):
        assert allowed(DEPLOYER, "abid", action, resource, ResourceTag="bin-counter-abid")
        assert not allowed(DEPLOYER, "abid", action, resource, ResourceTag="bin-counter-abid-10k")
        assert not allowed(DEPLOYER, "abid", action, resource)
    for action, resource in (("kms:CreateKey", "*"), ("secretsmanager:CreateSecret", SECRET)):
        assert allowed(DEPLOYER, "abid", action, resource, RequestTag="bin-counter-abid")
        assert not allowed(DEPLOYER, "abid", action, resource, RequestTag="another")


@pytest.mark.parametrize("names", [DEPLOYER, OPERATOR], ids=["deployer", "operator"])
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:DeleteObject", "arn:aws:s3:::bin-counter-abid-10k-123456789012-us-east-1/any"),
        ("iam:PutRolePolicy", "arn:aws:iam::123456789012:role/bin-counter-abid-10k-jobs"),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{HERE}:function:bin-counter-abid-10k-deploy"),
        ("sagemaker:UpdatePipeline", f"arn:aws:sagemaker:{HERE}:pipeline/bin-counter-abid-10k"),
        ("sagemaker:DeleteEndpoint", f"arn:aws:sagemaker:{HERE}:endpoint/bin-counter-abid-10k"),
        ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{HERE}:stack/bin-counter-abid-10k/1"),
    ],
)
def test_a_pipeline_whose_name_begins_likewise_is_out_of_reach(
    allowed: Callable[..., bool], names: tuple[str, ...], action: str, resource: str
) -> None:
    assert not allowed(names, "abid", action, resource)

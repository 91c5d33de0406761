"""What the function is told, and the requests it makes of that."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from steps.deploy.occasion import Occasion, OccasionError
from steps.deploy.packages import Package
from steps.deploy.plan import make_plan
from steps.deploy.settings import DeploySettings
from steps.deploy.wishes import Wishes, WishesError


def package(version: int, group: str = "group") -> Package:
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{group}/{version}"
    return Package(arn, group, version, "Approved")


def test_what_the_function_is_told_comes_back_from_its_environment(told: dict[str, Any]) -> None:
    wishes = Wishes(**told)
    assert Wishes.from_environment(wishes.to_environment()) == wishes


def test_settings_may_come_as_one_json_object_which_single_variables_go_before(told: dict[str, Any]) -> None:
    wishes = Wishes(**told)
    environment = {"DEPLOY_SETTINGS": json.dumps({**told, "group": "another"}), "DEPLOY_GROUP": wishes.group}
    assert Wishes.from_environment(environment) == wishes
    with pytest.raises(WishesError, match="DEPLOY_SETTINGS is no JSON object"):
        Wishes.from_environment({"DEPLOY_SETTINGS": "[1]"})


def test_every_setting_that_says_how_models_answer_reaches_the_function() -> None:
    of_the_function_itself = {"function"}
    own = {"group", "model_role", "capture_uri"}
    assert {field.name for field in fields(Wishes)} == set(DeploySettings.model_fields) - of_the_function_itself | own


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DEPLOY_GROUP", None, "DEPLOY_GROUP is missing"),
        ("DEPLOY_HOSTING", "cloud", "DEPLOY_HOSTING is 'cloud', not one of serverless, instance"),
        ("DEPLOY_BAKE_SECONDS", "-1", "DEPLOY_BAKE_SECONDS is '-1', which is no whole number"),
        ("DEPLOY_ENDPOINT", "a b", "DEPLOY_ENDPOINT is 'a b', which cannot be right"),
        ("DEPLOY_MODEL_ROLE", "root", "DEPLOY_MODEL_ROLE is 'root', which cannot be right"),
    ],
)
def test_a_wrong_variable_is_named(told: dict[str, Any], name: str, value: str | None, says: str) -> None:
    environment = {**Wishes(**told).to_environment(), name: value}
    with pytest.raises(WishesError, match=says):
        Wishes.from_environment({name: value for name, value in environment.items() if value is not None})


@given(version=st.integers(1, 99_999), hosting=st.sampled_from(["serverless", "instance"]))
def test_the_same_wishes_have_the_same_short_name_and_any_other_another(version: int, hosting: str) -> None:
    wishes = Wishes("g", "arn", "s3://b/c", "e" * 40, hosting, 1024, 1, "t", 1, 2, 3, "canary", 50, 6, 7, 8, 9, "")
    plan = make_plan(wishes, package(version))
    assert plan == make_plan(replace(wishes), package(version))
    assert len(plan.name) <= 63
    assert plan.name.startswith(f"{wishes.endpoint}-v{version}-")
    changed = {"memory_mb": 2048} if hosting == "serverless" else {"instance_type": "u"}
    others = [make_plan(replace(wishes, **changed), package(version)), make_plan(wishes, package(version, "other"))]
    assert len({plan.name, *(each.name for each in others)}) == 3


@pytest.mark.parametrize(("traffic", "seconds", "limit"), [("canary", 300, 4500), ("linear", 3600, 14400)])
def test_an_update_may_take_as_long_as_its_waits_and_no_longer_than_sagemaker_lets_it(
    told: dict[str, Any], traffic: str, seconds: int, limit: int
) -> None:
    wishes = Wishes(**{**told, "traffic": traffic, "bake_seconds": seconds})
    policy = make_plan(wishes, package(1)).rollout["BlueGreenUpdatePolicy"]
    assert policy["MaximumExecutionTimeoutInSeconds"] == limit


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"minimum_instances": 5, "maximum_instances": 2}, "minimum_instances is more"),
        ({"capture_percent": 5}, "a serverless endpoint captures nothing"),
        ({"kms_key": "alias/x"}, "a serverless endpoint has no disk"),
        ({"hosting": "instance", "minimum_instances": 1}, "a share of the requests needs minimum_instances of 2"),
        ({"traffic_percent": 10, "bake_seconds": 3600}, "takes longer than 14400 seconds"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        DeploySettings(**settings)


@pytest.mark.parametrize("event", [None, [], {}, {"detail": 1}, {"detail": {}}, {"ModelPackageArn": 7}, {"detail": []}])
def test_an_event_that_names_nothing_is_refused(event: Any) -> None:
    with pytest.raises(OccasionError, match="names no ModelPackageArn"):
        Occasion.of(event)

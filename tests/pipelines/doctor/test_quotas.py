from typing import Any

import pytest

from pipelines.config import Config, load_preset
from pipelines.doctor.quotas import check_quotas, needed_instances
from pipelines.target import Target

PRESET = load_preset("abid").placed("123456789012", "us-east-1")


def changed(**machines: dict[str, Any]) -> Config:
    """The preset `abid` with other machines."""
    sections = PRESET.machines.model_dump()
    values = {name: {**sections[name], **fields} for name, fields in machines.items()}
    return PRESET.model_copy(update={"machines": PRESET.machines.model_validate({**sections, **values})})


ABID = changed(train={"spot": False})
NEEDED = {
    "ml.c5.4xlarge for processing job usage": 4,
    "ml.c7i.2xlarge for processing job usage": 1,
    "ml.m5.2xlarge for processing job usage": 1,
    "ml.m5.xlarge for processing job usage": 1,
    "ml.g5.4xlarge for training job usage": 3,
    "ml.c7i.large for endpoint usage": 8,
}


def page(values: dict[str, float], token: str = "") -> dict[str, Any]:
    quotas = [{"QuotaName": name, "Value": value} for name, value in values.items()]
    return {"Quotas": quotas, **({"NextToken": token} if token else {})}


def test_the_instances_of_an_execution_are_counted_by_quota() -> None:
    assert needed_instances(ABID) == NEEDED


def test_spot_training_has_a_quota_of_its_own_and_trials_count_with_their_instances() -> None:
    spot = changed(train={"spot": True, "instance_count": 2})
    assert needed_instances(spot)["ml.g5.4xlarge for spot training job usage"] == 6
    assert needed_instances(spot.model_copy(update={"tune": None}))["ml.g5.4xlarge for spot training job usage"] == 2


def test_explore_and_evaluate_may_run_side_by_side_and_catalog_and_ingest_do_not() -> None:
    same = {"instance_type": "ml.m5.xlarge", "instance_count": 1}
    beside = changed(catalog=same, explore=same, evaluate=same, ingest={**same, "instance_count": 1})
    assert needed_instances(beside)["ml.m5.xlarge for processing job usage"] == 2


def test_a_serverless_endpoint_needs_no_instances() -> None:
    assert not [name for name in needed_instances(load_preset("demo")) if "endpoint" in name]


def test_quotas_that_are_large_enough_are_sound(target: Target, answers: Any, judged: Any) -> None:
    first, second = dict(list(NEEDED.items())[:3]), dict(list(NEEDED.items())[3:])
    answers.by_action["ListServiceQuotas"] = [page({"other": 0, **first}, "more"), page(second)]
    assert {state for _, state, _ in judged(check_quotas(target, ABID))} == {"ok"}


def test_a_quota_of_zero_is_to_be_raised_to_what_is_needed(target: Target, answers: Any, only_to_do: Any) -> None:
    answers.by_action["ListServiceQuotas"] = page({**NEEDED, "ml.g5.4xlarge for training job usage": 0.0})
    assert only_to_do(check_quotas(target, ABID)) == (
        "request 3 for 'ml.g5.4xlarge for training job usage' in Service Quotas, Amazon SageMaker: it is 0"
    )


def test_where_the_account_has_no_value_of_its_own_the_default_counts(
    target: Target, answers: Any, only_to_do: Any, judged: Any
) -> None:
    answers.by_action["ListServiceQuotas"] = page({})
    answers.by_action["ListAWSDefaultServiceQuotas"] = page({**NEEDED, "ml.c7i.large for endpoint usage": 2.0})
    assert "request 8 for 'ml.c7i.large for endpoint usage'" in only_to_do(check_quotas(target, ABID))


def test_an_instance_type_that_does_not_exist_has_no_quota(target: Target, answers: Any, only_to_do: Any) -> None:
    config = changed(train={"instance_type": "ml.g5.99xlarge", "spot": False})
    answers.by_action["ListServiceQuotas"] = page({**NEEDED})
    answers.by_action["ListAWSDefaultServiceQuotas"] = page({**NEEDED})
    assert "is ml.g5.99xlarge an instance type of this region?" in only_to_do(check_quotas(target, config))


@pytest.mark.parametrize("pages", [1, 3])
def test_the_listing_ends_as_soon_as_all_is_known(target: Target, answers: Any, pages: int) -> None:
    names = list(NEEDED.items())
    part = -(-len(names) // pages)
    parts = [dict(names[start : start + part]) for start in range(0, len(names), part)]
    answers.by_action["ListServiceQuotas"] = [
        page(each, f"page {number}") for number, each in enumerate([*parts, {}, {}])
    ]
    list(check_quotas(target, ABID))
    assert answers.asked == pages

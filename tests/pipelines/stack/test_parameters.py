"""What presets ask of the stack, and how changes are told."""

import re
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads

from pipelines.config import load_preset, preset_names
from pipelines.errors import PipelineError
from pipelines.stack.changes import in_words, read_changes
from pipelines.stack.parameters import check_name, repositories, stack_parameters
from pipelines.stack.template import template_body

PLACED = ("111122223333", "ap-southeast-1")


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_gives_the_template_values_that_it_takes(preset: str) -> None:
    known: dict[str, Any] = loads(template_body())["Parameters"]
    config = load_preset(preset).placed(*PLACED)
    check_name(config.name)
    for name, value in stack_parameters(config, *PLACED, "aws").items():
        described = known[name]
        assert re.fullmatch(described.get("AllowedPattern", ".*"), value), name
        assert value in described.get("AllowedValues", [value]), name
        if described["Type"] == "Number":
            assert float(value) >= described.get("MinValue", 0), name
    required = {name for name, described in known.items() if "Default" not in described}
    assert required <= set(stack_parameters(config, *PLACED, "aws"))


def test_jobs_may_read_the_buckets_that_the_preset_names_and_no_others() -> None:
    config = load_preset("abid").placed(*PLACED)
    wanted = config.stack.model_copy(update={"source_buckets": ("ours",)})
    config = config.model_copy(update={"stack": wanted, "initial_weights": "s3://weights/resnet34"})
    assert stack_parameters(config, *PLACED, "aws-cn")["SourceArns"].split(",") == [
        f"arn:aws-cn:s3:::{name}{objects}" for name in ("aft-vbi-pds", "ours", "weights") for objects in ("", "/*")
    ]


@pytest.mark.parametrize("name", ["code", "functions"])
def test_a_name_by_which_jobs_could_write_over_code_is_refused(name: str) -> None:
    with pytest.raises(PipelineError, match=f"'{name}' is that of a folder of code"):
        check_name(name)


def test_jobs_may_pull_images_from_wherever_the_preset_has_them_and_only_own_repositories_are_made() -> None:
    config = load_preset("demo").placed(*PLACED)
    assert repositories(config, *PLACED)["TrainingRepository"] == "bin-counter/training"
    own = "arn:aws:ecr:ap-southeast-1:111122223333:repository/bin-counter"
    arns = stack_parameters(config, *PLACED, "aws")["ImageArns"].split(",")
    assert arns == [f"{own}/{image}" for image in ("processing", "serving", "training")]
    for registry in ("444455556666.dkr.ecr.ap-southeast-1", "111122223333.dkr.ecr.eu-west-1"):
        elsewhere = config.images.model_copy(update={"training": f"{registry}.amazonaws.com/theirs/training:1"})
        moved = config.model_copy(update={"images": elsewhere})
        assert repositories(moved, *PLACED) == {}
        account, _, _, region = registry.split(".")
        arn = f"arn:aws:ecr:{region}:{account}:repository/theirs/training"
        assert arn in stack_parameters(moved, *PLACED, "aws")["ImageArns"].split(",")


def test_a_name_that_is_too_long_for_an_endpoint_is_told_before_anything_is_made() -> None:
    config = load_preset("demo").model_copy(update={"name": "n" * 41})
    with pytest.raises(PipelineError, match=r"field 'deploy.endpoint' is 'n+'"):
        config.placed("111122223333", "us-east-1")


def change(action: str, name: str, **more: Any) -> dict[str, Any]:
    return {"ResourceChange": {"Action": action, "LogicalResourceId": name, "ResourceType": "AWS::X::Y", **more}}


def test_changes_are_told_with_what_is_lost_first_and_what_is_added_in_one_line() -> None:
    found = read_changes(
        [
            change("Add", "New"),
            change("Modify", "Small", Replacement="False", Details=[{"Target": {"Name": "Timeout"}}]),
            change("Add", "Newer"),
            change("Modify", "Perhaps", Replacement="Conditional"),
            change("Modify", "Big", Replacement="True", Details=[{"Target": {"Name": "FunctionName"}}]),
            change("Remove", "Old"),
            change("Remove", "Data", PolicyAction="Retain"),
        ]
    )
    assert list(in_words(found)) == [
        "remove   Old (AWS::X::Y)",
        "replace  Big (AWS::X::Y): FunctionName",
        "change   Perhaps (AWS::X::Y)",
        "change   Small (AWS::X::Y): Timeout",
        "remove   Data (AWS::X::Y); it stays in the account",
        "add      New, Newer",
    ]
    assert [each.name for each in found if each.loses] == ["Old", "Big"]

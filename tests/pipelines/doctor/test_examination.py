import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipelines.config import Config, load_preset
from pipelines.definition import compile_definition
from pipelines.doctor import examination
from pipelines.doctor.deployment import check_function, check_pipeline
from pipelines.doctor.finding import State
from pipelines.target import Target


def states(findings: Any) -> dict[str, str]:
    return {each.about: each.state.value for each in findings}


def test_on_the_embedded_sagemaker_what_it_has_is_looked_at_and_the_rest_is_said_to_be_left_out(
    definition: str,
) -> None:
    found = list(examination.examine(load_preset("demo"), compile_definition))
    assert states(found) == {
        "credentials": "ok",
        "region": "ok",
        "stack": "ok",
        "bucket": "ok",
        "role": "skipped",
        "quotas": "skipped",
        "images": "skipped",
        "source": "ok",
        "function": "ok",
        "pipeline": "ok",
    }
    assert "of the embedded SageMaker at http://127.0.0.1" in found[0].text


def test_without_credentials_everything_else_is_left_out(answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    first, *rest = examination.examine(load_preset("demo"), compile_definition)
    assert (first.about, first.state) == ("credentials", State.TO_DO)
    assert "no complete AWS credentials were found" in first.text
    assert {each.state for each in rest} == {State.SKIPPED}
    assert {each.about for each in rest} >= {"region", "bucket", "quotas", "pipeline"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), ("AWS_ENDPOINT_URL", "garbage"), ("AWS_DEFAULT_REGION", "us east")],
)
def test_where_nothing_is_reached_it_is_the_connection_that_is_to_be_mended(
    answers: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    first, *rest = examination.examine(load_preset("demo"), compile_definition)
    assert (first.about, first.state) == ("connection", State.TO_DO)
    assert {each.state for each in rest} == {State.SKIPPED}


def test_a_check_that_breaks_keeps_no_other_from_being_made(definition: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "DescribeStacks")

    def denied(*_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "HeadBucket")

    monkeypatch.setitem(examination.CHECKS, "stack", breaks)
    monkeypatch.setitem(examination.CHECKS, "bucket", denied)
    found = list(examination.examine(load_preset("demo"), lambda *_: definition))
    by_name = {each.about: each for each in found}
    assert by_name["stack"].state is State.TO_DO
    assert "AWS throttles DescribeStacks" in by_name["stack"].text
    assert by_name["bucket"].state is State.SKIPPED
    assert by_name["pipeline"].state is State.OK


def test_a_region_without_sagemaker_is_told(definition: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-nowhere-1")
    found = {each.about: each for each in examination.examine(load_preset("demo"), lambda *_: definition)}
    assert found["region"].state is State.TO_DO
    assert "us-nowhere-1 is not known to have SageMaker" in found["region"].text


def test_a_pipeline_that_differs_is_to_be_put_up_again(
    target: Target, config: Config, definition: str, only_to_do: Any
) -> None:
    changed = json.loads(definition)
    changed["Parameters"][1]["DefaultValue"] = 4
    found = only_to_do(check_pipeline(target, config, json.dumps(changed)))
    assert "`make upsert-pipeline` would change bin-counter-demo: " in found
    assert "see `make diff`" in found


@pytest.mark.usefixtures("definition")
def test_a_function_with_other_code_is_to_be_brought_up_to_date(
    target: Target, config: Config, only_to_do: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.doctor.deployment.archive", lambda _: b"newer code")
    assert "runs other code than this checkout's" in only_to_do(check_function(target, config))

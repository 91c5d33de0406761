import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from pipelines import operations, results
from pipelines.code import BUNDLED
from pipelines.config import Config, load_preset
from pipelines.definition import compile_definition
from pipelines.errors import PipelineError
from pipelines.progress import watch
from pipelines.target import Target, aws_errors_explained


@pytest.fixture(scope="module")
def config(stacked: Callable[[Config], Config]) -> Config:
    return stacked(load_preset("demo"))


@pytest.fixture(scope="module")
def definition(target: Target, config: Config) -> str:
    return compile_definition(config, target.region)


def test_the_first_upsert_creates_the_pipeline_and_the_second_uploads_nothing(
    target: Target, config: Config, definition: str
) -> None:
    first: list[str] = []
    second: list[str] = []
    arn = operations.upsert(target, config, definition, first.append)
    assert operations.upsert(target, config, definition, second.append) == arn
    assert {line.split()[4].rstrip(",") for line in first[:-1]} == set(BUNDLED)
    assert first[-1] == f"created {arn}"
    assert second == [f"unchanged {arn}"]
    described = target.sagemaker.describe_pipeline(PipelineName=config.name)
    assert described["PipelineDefinition"] == definition
    assert described["RoleArn"] == config.role != config.jobs_role


def test_without_its_stack_a_pipeline_is_refused_with_the_command_that_makes_what_is_missing(target: Target) -> None:
    other = load_preset("demo").model_copy(update={"name": "no-stack"})
    config = target.place(other)
    definition = compile_definition(config, target.region)
    with pytest.raises(PipelineError, match=r"bucket no-stack-\d+-us-east-1 does not exist: `make deploy-stack`"):
        operations.upsert(target, config, definition, lambda _: None)
    target.s3.create_bucket(Bucket=config.bucket)
    with pytest.raises(PipelineError, match=r"function no-stack-deploy.*`make deploy-stack`"):
        operations.upsert(target, config, definition, lambda _: None)


def test_an_upsert_says_what_it_changes_and_which_version_that_makes(
    target: Target, config: Config, definition: str
) -> None:
    other = config.model_copy(update={"name": "changed-twice", "description": "first"})
    operations.upsert(target, other, definition, lambda _: None)
    longer = definition.replace('"--class-images", "200"', '"--class-images", "300"')
    lines: list[str] = []
    arn = operations.upsert(target, other.model_copy(update={"description": "second"}), longer, lines.append)
    assert lines[-3:] == [
        '  the description of the pipeline is now "second"; it was "first"',
        '  argument --class-images of Explore is now "300"; it was "200"',
        f"updated {arn} to version 2",
    ]


def test_an_interrupted_upload_of_code_is_completed(target: Target, config: Config, definition: str) -> None:
    operations.upsert(target, config, definition, lambda _: None)
    code = next(
        channel["S3Input"]["S3Uri"]
        for channel in json.loads(definition)["Steps"][0]["Arguments"]["ProcessingInputs"]
        if channel["InputName"] == "code"
    )
    key = f"{code.removeprefix(f's3://{config.bucket}/')}/steps/contract.py"
    target.s3.delete_object(Bucket=config.bucket, Key=key)
    operations.upsert(target, config, definition, lambda _: None)
    contract = Path(__file__).resolve().parents[2] / "steps" / "contract.py"
    assert results.download(target, f"s3://{config.bucket}/{key}") == contract.read_bytes()


@pytest.mark.parametrize(
    ("parameters", "names"),
    [({"MaxCounts": "5"}, "MaxCounts"), ({"MaxCount": "five"}, "MaxCount"), ({"ModelApprovalStatus": "Yes"}, "Yes")],
)
def test_a_parameter_that_is_unknown_or_of_the_wrong_type_is_named_and_nothing_starts(
    target: Target, config: Config, definition: str, parameters: dict[str, str], names: str
) -> None:
    operations.upsert(target, config, definition, lambda _: None)
    with pytest.raises(PipelineError, match=names) as raised, aws_errors_explained():
        operations.start(target, config.name, parameters)
    assert "\n" not in str(raised.value)
    with pytest.raises(PipelineError, match="has no execution yet"):
        operations.latest_execution(target, config.name)


def test_an_empty_source_fails_the_execution_with_a_sentence_that_names_it(
    target: Target, config: Config, definition: str
) -> None:
    other = config.model_copy(update={"name": "empty-source"})
    operations.upsert(target, other, compile_definition(other, target.region), lambda _: None)
    source = f"s3://{config.bucket}/nothing/here"
    execution = operations.start(target, other.name, {"SourceUri": source})
    assert operations.latest_execution(target, other.name) == execution
    progress = watch(target, execution, Console(quiet=True), interval_seconds=0.2)
    assert progress.status == "Failed"
    assert source in progress.reason
    assert [(step.name, step.status) for step in progress.steps] == [("Catalog", "Failed")]


def register(target: Target, group: str, statistics: str | None) -> str:
    quality = {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": statistics}}}
    return target.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="PendingManualApproval",
        **({"ModelMetrics": quality} if statistics else {}),
    )["ModelPackageArn"]


@pytest.fixture
def group(target: Target, config: Config, definition: str, request: pytest.FixtureRequest) -> str:
    operations.upsert(target, config, definition, lambda _: None)
    name = request.node.name.replace("_", "-")[:60].strip("-")
    target.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    figures = {
        "multiclass_classification_metrics": {"accuracy": {"value": 0.6}},
        "regression_metrics": {"rmse": {"value": 0.8}},
    }
    target.s3.put_object(Bucket=config.bucket, Key="figures.json", Body=json.dumps(figures).encode())
    register(target, name, f"s3://{config.bucket}/figures.json")
    register(target, name, None)
    return name


def test_models_are_listed_newest_first_with_their_figures(target: Target, group: str) -> None:
    models = operations.list_models(target, group)
    assert [(model.version, model.accuracy, model.rmse) for model in models] == [(2, None, None), (1, 0.6, 0.8)]
    assert {model.status for model in models} == {"PendingManualApproval"}


def test_a_decision_is_about_the_latest_version_or_the_one_named(target: Target, group: str) -> None:
    assert operations.decide(target, group, None, "Approved", "looks right").version == 2
    assert operations.decide(target, group, 1, "Rejected", "").status == "Rejected"
    models = operations.list_models(target, group)
    assert {model.version: model.status for model in models} == {1: "Rejected", 2: "Approved"}
    described = target.sagemaker.describe_model_package(ModelPackageName=models[0].arn)
    assert described["ApprovalDescription"] == "looks right"


def test_a_version_that_does_not_exist_is_answered_with_those_that_do(target: Target, group: str) -> None:
    with pytest.raises(PipelineError, match="no version 7; versions are 1, 2"):
        operations.decide(target, group, 7, "Approved", "")


def test_figures_that_cannot_be_read_hide_no_model_and_hinder_no_decision(
    target: Target, config: Config, group: str
) -> None:
    target.s3.delete_object(Bucket=config.bucket, Key="figures.json")
    assert {model.version: model.accuracy for model in operations.list_models(target, group)} == {1: None, 2: None}
    target.s3.put_object(Bucket=config.bucket, Key="figures.json", Body=b'{"regression_metrics": []}')
    assert operations.decide(target, group, 1, "Approved", "").status == "Approved"


def test_nothing_is_put_up_for_a_definition_that_breaks_a_rule(target: Target, config: Config) -> None:
    faulty = config.model_copy(update={"name": "faulty", "bucket": "faulty-bucket", "tags": {}})
    with pytest.raises(PipelineError, match="pipeline faulty breaks the rule tagged: Catalog: it has no Tags, and"):
        operations.upsert(target, faulty, compile_definition(faulty, target.region), lambda _: None)
    assert "faulty-bucket" not in {bucket["Name"] for bucket in target.s3.list_buckets()["Buckets"]}
    assert target.sagemaker.list_pipelines(PipelineNamePrefix="faulty")["PipelineSummaries"] == []


def test_a_group_that_does_not_exist_has_no_models(target: Target) -> None:
    assert operations.list_models(target, "never-made") == []


def test_an_object_that_does_not_exist_is_named(target: Target, config: Config) -> None:
    with pytest.raises(PipelineError, match=r"s3://nowhere-at-all/x\.json does not exist"):
        results.read_json(target, "s3://nowhere-at-all/x.json")

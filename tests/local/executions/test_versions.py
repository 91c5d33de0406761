"""Versions of pipelines, and changes to pipelines and executions."""

import json

import pytest
from botocore.exceptions import ClientError

from pipelines.local.aws import select
from pipelines.local.executions.versions import Pipeline


def text(message):
    fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    return json.dumps({"Version": "2020-12-01", "Steps": [fail]})


@pytest.fixture
def three(tiny):
    """A pipeline of three versions, of which the second is called `live`."""
    name = tiny.name("versions")
    tiny.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=text("one"), RoleArn=tiny.role)
    tiny.sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=text("two"), PipelineVersionAliases=["live"])
    answer = tiny.sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=text("three"))
    assert answer["PipelineVersionId"] == 3
    return name


def start(tiny, name, **which):
    arn = tiny.sagemaker.start_pipeline_execution(PipelineName=name, **which)["PipelineExecutionArn"]
    return tiny.finish(arn)


def test_an_execution_runs_the_version_that_it_asks_for_or_the_latest(tiny, three):
    for which, number, says in (
        ({}, 3, "three"),
        ({"PipelineVersionId": 1}, 1, "one"),
        ({"PipelineVersionAlias": "live"}, 2, "two"),
    ):
        execution = start(tiny, three, **which)
        assert execution["PipelineVersionId"] == number
        assert says in execution["FailureReason"]
        assert says in tiny.sagemaker.describe_pipeline(PipelineName=three, **which)["PipelineDefinition"]
    assert execution["PipelineVersionAliases"] == ["live"]  # of the last one, which ran it


def test_versions_are_listed_newest_first_with_their_last_execution(tiny, three):
    arn = start(tiny, three, PipelineVersionId=2)["PipelineExecutionArn"]
    lines = tiny.sagemaker.list_pipeline_versions(PipelineName=three, SortOrder="Ascending")["PipelineVersionSummaries"]
    assert [line["PipelineVersionId"] for line in lines] == [1, 2, 3]
    assert lines[1]["LastExecutionPipelineExecutionArn"] == arn
    assert lines[1]["PipelineVersionAliases"] == ["live"]
    assert "LastExecutionPipelineExecutionArn" not in lines[0]
    assert len(tiny.sagemaker.list_pipeline_versions(PipelineName=three, MaxResults=2)["PipelineVersionSummaries"]) == 2


@pytest.mark.parametrize(("order", "numbers"), [("Ascending", [1, 2, 3]), ("Descending", [3, 2, 1])])
def test_versions_of_the_same_moment_are_listed_by_number(order, numbers):
    pipeline = Pipeline({"PipelineName": "hasty"}, "token")
    for message in ("one", "two", "three"):
        pipeline.add_version(text(message), []).created = 1.0
    lines = [version.summary(pipeline.arn) for version in pipeline.versions.values()]
    found = select(lines, {"SortOrder": order}, name="PipelineArn")
    assert [line["PipelineVersionId"] for line in found] == numbers


def test_an_update_that_changes_no_definition_makes_no_version(tiny, three):
    for change in ({"PipelineDefinition": text("three")}, {"PipelineDescription": "words"}):
        assert tiny.sagemaker.update_pipeline(PipelineName=three, **change)["PipelineVersionId"] == 3
    assert tiny.sagemaker.describe_pipeline(PipelineName=three)["PipelineDescription"] == "words"


def test_versions_have_names_and_an_alias_moves(tiny, three):
    arn = tiny.sagemaker.describe_pipeline(PipelineName=three)["PipelineArn"]
    tiny.sagemaker.update_pipeline_version(
        PipelineArn=arn,
        PipelineVersionId=3,
        PipelineVersionDisplayName="third",
        PipelineVersionDescription="the best",
        PipelineVersionAliasOperations={"Add": ["live", "next"]},
    )
    third = tiny.sagemaker.describe_pipeline(PipelineName=three)
    assert third["PipelineVersionDisplayName"] == "third"
    assert third["PipelineVersionDescription"] == "the best"
    assert third["PipelineVersionAliases"] == ["live", "next"]
    assert "PipelineVersionAliases" not in tiny.sagemaker.describe_pipeline(PipelineName=three, PipelineVersionId=2)
    tiny.sagemaker.update_pipeline_version(
        PipelineArn=arn, PipelineVersionId=3, PipelineVersionAliasOperations={"Remove": ["next"]}
    )
    assert tiny.sagemaker.describe_pipeline(PipelineName=three)["PipelineVersionAliases"] == ["live"]


@pytest.mark.parametrize(
    ("which", "code", "says"),
    [
        ({"PipelineVersionId": 4}, "ResourceNotFound", "no version with the id 4"),
        ({"PipelineVersionAlias": "dead"}, "ResourceNotFound", "alias 'dead'"),
        ({"PipelineVersionId": 1, "PipelineVersionAlias": "live"}, "ValidationException", "not both"),
    ],
)
def test_a_version_that_is_none_is_refused(tiny, three, which, code, says):
    with pytest.raises(ClientError, match=says) as error:
        start(tiny, three, **which)
    assert error.value.response["Error"]["Code"] == code


def test_a_create_call_that_is_sent_again_is_answered_again(tiny):
    request = {
        "PipelineName": tiny.name("token"),
        "PipelineDefinition": text("x"),
        "RoleArn": tiny.role,
        "ClientRequestToken": "c" * 32,
    }
    first, second = (tiny.sagemaker.create_pipeline(**request)["PipelineArn"] for _ in range(2))
    assert first == second


def test_a_pipeline_that_runs_is_not_deleted(tiny):
    sleep = {"Name": "Sleep", "Type": "Processing", "Arguments": tiny.processing("time.sleep(600)")}
    name = tiny.create([sleep])
    arn = tiny.start(name)
    with pytest.raises(ClientError, match="still runs") as error:
        tiny.sagemaker.delete_pipeline(PipelineName=name)
    assert error.value.response["Error"]["Code"] == "ConflictException"
    tiny.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    tiny.finish(arn)
    tiny.sagemaker.delete_pipeline(PipelineName=name)


def test_an_execution_can_be_renamed_and_given_more_room_while_it_runs(tiny, tmp_path):
    """One step at a time; once two may run, the second of those that wait for it lets the first one end."""
    first, second = tmp_path / "first", tmp_path / "second"
    tick = tiny.processing(f"while not os.path.exists({str(first)!r}): time.sleep(0.02)")
    wait = tiny.processing(f"while not os.path.exists({str(second)!r}): time.sleep(0.02)")
    touch = tiny.processing(f"open({str(second)!r}, 'w')")
    steps = [
        {"Name": "Tick", "Type": "Processing", "Arguments": tick},
        {"Name": "Wait", "Type": "Processing", "Arguments": wait, "DependsOn": ["Tick"]},
        {"Name": "Touch", "Type": "Processing", "Arguments": touch, "DependsOn": ["Tick"]},
    ]
    name = tiny.create(steps, ParallelismConfiguration={"MaxParallelExecutionSteps": 1})
    arn = tiny.start(name)
    tiny.sagemaker.update_pipeline_execution(
        PipelineExecutionArn=arn,
        PipelineExecutionDisplayName="renamed",
        PipelineExecutionDescription="words",
        ParallelismConfiguration={"MaxParallelExecutionSteps": 2},
    )
    first.touch()
    execution = tiny.finish(arn)
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert execution["PipelineExecutionDisplayName"] == "renamed"
    assert execution["PipelineExecutionDescription"] == "words"
    assert execution["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 2}


def create(tiny, experiment):
    name = tiny.name("experiment")
    document = {**json.loads(text("no")), "PipelineExperimentConfig": experiment}
    tiny.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=json.dumps(document), RoleArn=tiny.role)
    return name


def test_an_execution_says_which_experiment_and_trial_it_belongs_to(tiny):
    name = create(tiny, {"ExperimentName": {"Get": "Execution.PipelineName"}, "TrialName": "mine"})
    assert start(tiny, name)["PipelineExperimentConfig"] == {"ExperimentName": name, "TrialName": "mine"}


@pytest.mark.parametrize(
    ("experiment", "says"),
    [
        ({"Colour": "red"}, "no fields Colour"),
        ({"TrialName": 3}, "TrialName .* must be a string or an expression"),
        ({"TrialName": {"Get": "Parameters.Nope"}}, "refers to 'Nope'"),
        ({"TrialName": {"Get": "Steps.Stop.A"}}, "refers to 'Stop'"),
        ({"TrialName": {"Get": "Weather"}}, "not a reference"),
    ],
)
def test_an_experiment_that_is_none_is_refused(tiny, experiment, says):
    with pytest.raises(ClientError, match=says) as error:
        create(tiny, experiment)
    assert error.value.response["Error"]["Code"] == "ValidationException"

"""The calls about experiments, trials and trial components."""

import statistics
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.experiments.metrics import add


@pytest.fixture(scope="module")
def experiments(tiny):
    """The client, with an experiment, a trial and a component in it."""
    client = tiny.sagemaker
    client.create_experiment(ExperimentName="Bins", Description="d", Tags=[{"Key": "team", "Value": "x"}])
    client.create_trial(ExperimentName="Bins", TrialName="first")
    client.create_trial_component(
        TrialComponentName="part",
        Parameters={"epochs": {"NumberValue": 3}, "loss.kind": {"StringValue": "soft"}},
        InputArtifacts={"train": {"Value": "s3://b/k", "MediaType": "text/csv"}},
    )
    client.associate_trial_component(TrialName="first", TrialComponentName="part")
    return client


def names(answer, key, field):
    return [item[field] for item in answer[key]]


def found(client, **expression):
    answer = client.search(Resource="ExperimentTrialComponent", SearchExpression=expression)
    return [result["TrialComponent"]["TrialComponentName"] for result in answer["Results"]]


def test_what_is_created_is_described_and_listed(experiments):
    experiment = experiments.describe_experiment(ExperimentName="Bins")
    assert experiment["ExperimentArn"] == "arn:aws:sagemaker:us-east-1:123456789012:experiment/bins"
    assert (experiment["DisplayName"], experiment["Description"]) == ("Bins", "d")
    assert experiments.list_tags(ResourceArn=experiment["ExperimentArn"])["Tags"] == [{"Key": "team", "Value": "x"}]
    assert experiments.describe_trial(TrialName="first")["ExperimentName"] == "Bins"
    listed = experiments.list_trials(TrialComponentName="part")
    assert names(listed, "TrialSummaries", "TrialName") == ["first"]
    for chosen in ({"ExperimentName": "Bins"}, {"TrialName": "first"}):
        assert names(experiments.list_trial_components(**chosen), "TrialComponentSummaries", "TrialComponentName") == [
            "part"
        ]
    assert experiments.list_trial_components(TrialName="other")["TrialComponentSummaries"] == []


def test_an_update_adds_and_removes_and_leaves_the_rest(experiments):
    experiments.create_trial_component(TrialComponentName="updated", Parameters={"a": {"NumberValue": 1}})
    experiments.update_trial_component(
        TrialComponentName="updated",
        Parameters={"b": {"StringValue": "two"}},
        Status={"PrimaryStatus": "Completed"},
    )
    experiments.update_trial_component(TrialComponentName="updated", ParametersToRemove=["a"], DisplayName="Shown")
    component = experiments.describe_trial_component(TrialComponentName="updated")
    assert component["Parameters"] == {"b": {"StringValue": "two"}}
    assert (component["DisplayName"], component["Status"]["PrimaryStatus"]) == ("Shown", "Completed")


@pytest.mark.parametrize(
    ("call", "request_", "code", "says"),
    [
        ("create_experiment", {"ExperimentName": "Bins"}, "ValidationException", "must be unique"),
        ("create_trial", {"ExperimentName": "none", "TrialName": "t"}, "ResourceNotFound", "Could not find experiment"),
        ("describe_trial_component", {"TrialComponentName": "none"}, "ResourceNotFound", "find trial component"),
        (
            "update_trial_component",
            {"TrialComponentName": "none"},
            "ResourceNotFound",
            "Could not find trial component",
        ),
        ("delete_experiment", {"ExperimentName": "Bins"}, "ValidationException", "has trials"),
        ("delete_trial", {"TrialName": "first"}, "ValidationException", "has trial components"),
        (
            "delete_trial_component",
            {"TrialComponentName": "part"},
            "ValidationException",
            "belongs to the trials first",
        ),
        ("list_trial_components", {"TrialName": "a", "ExperimentName": "b"}, "ValidationException", "Only one of"),
    ],
)
def test_a_wrong_call_is_refused(experiments, call, request_, code, says):
    with pytest.raises(ClientError, match=says) as error:
        getattr(experiments, call)(**request_)
    assert error.value.response["Error"]["Code"] == code


def test_what_is_taken_apart_can_be_deleted(experiments):
    experiments.create_experiment(ExperimentName="brief")
    experiments.create_trial(ExperimentName="brief", TrialName="brief-trial")
    experiments.create_trial_component(TrialComponentName="brief-part")
    pair = {"TrialName": "brief-trial", "TrialComponentName": "brief-part"}
    experiments.associate_trial_component(**pair)
    experiments.disassociate_trial_component(**pair)
    experiments.delete_trial_component(TrialComponentName="brief-part")
    experiments.delete_trial(TrialName="brief-trial")
    experiments.delete_experiment(ExperimentName="brief")
    assert "brief" not in names(experiments.list_experiments(), "ExperimentSummaries", "ExperimentName")


@pytest.mark.parametrize(
    ("name", "operator", "value", "finds"),
    [
        ("Parents.ExperimentName", "Equals", "Bins", True),
        ("Parents.TrialName", "Equals", "second", False),
        ("Parameters.epochs", "GreaterThan", "2.5", True),
        ("Parameters.epochs", "LessThanOrEqualTo", "2.5", False),
        ("Parameters.epochs", "Equals", "3", True),
        ("Parameters.loss.kind", "Contains", "SOF", True),
        ("Parameters.loss.kind", "In", "hard, soft", True),
        ("Parameters.nothing", "NotExists", None, True),
        ("Parameters.epochs", "Exists", None, True),
        ("TrialComponentName", "NotEquals", "part", False),
    ],
)
def test_search_finds_by_what_a_component_holds(experiments, name, operator, value, finds):
    wanted = {"Name": name, "Operator": operator, **({} if value is None else {"Value": value})}
    assert ("part" in found(experiments, Filters=[wanted])) is finds


def test_search_combines_its_filters(experiments):
    right = {"Name": "TrialComponentName", "Value": "part"}
    wrong = {"Name": "TrialComponentName", "Value": "none"}
    assert found(experiments, Filters=[right, wrong]) == []
    assert found(experiments, Filters=[right, wrong], Operator="Or") == ["part"]
    assert found(experiments, SubExpressions=[{"Filters": [wrong]}, {"Filters": [right]}], Operator="Or") == ["part"]


def test_search_for_what_moto_keeps_is_still_motos(experiments):
    experiments.create_model_package_group(ModelPackageGroupName="searched")
    answer = experiments.search(Resource="ModelPackageGroup")
    assert [each["ModelPackageGroup"]["ModelPackageGroupName"] for each in answer["Results"]] == ["searched"]


@pytest.mark.parametrize("resource", ["TrainingJob", "Pipeline", "PipelineExecution", "Endpoint", "Model"])
def test_search_for_what_it_cannot_find_is_refused(experiments, resource):
    with pytest.raises(ClientError, match=f"does not search for {resource}: use the list"):
        experiments.search(Resource=resource)


def test_metrics_that_are_put_are_summed_up(experiments, tiny):
    client = tiny.session.client("sagemaker-metrics", endpoint_url=tiny.server.url)
    experiments.create_trial_component(TrialComponentName="measured")
    data = [
        {"MetricName": "loss", "Value": value, "Step": step, "Timestamp": datetime(2025, 1, 1, tzinfo=UTC)}
        for step, value in enumerate([4.0, 1.0, 2.5])
    ]
    assert client.batch_put_metrics(TrialComponentName="measured", MetricData=data)["Errors"] == []
    (metric,) = experiments.describe_trial_component(TrialComponentName="measured")["Metrics"]
    assert (metric["MetricName"], metric["Count"], metric["Max"], metric["Min"]) == ("loss", 3, 4.0, 1.0)
    assert (metric["Last"], metric["Avg"]) == (2.5, 2.5)
    wanted = [{"Name": "Metrics.loss.Max", "Operator": "GreaterThan", "Value": "3"}]
    assert found(experiments, Filters=wanted) == ["measured"]
    errors = client.batch_put_metrics(TrialComponentName="nobody", MetricData=data)["Errors"]
    assert [error["MetricIndex"] for error in errors] == [0, 1, 2]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_a_summary_is_that_of_all_values(values):
    summary = None
    for value in values:
        summary = add(summary, value, 0.0)
    assert (summary["Count"], summary["Max"], summary["Min"]) == (len(values), max(values), min(values))
    assert summary["Avg"] == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert summary["StdDev"] == pytest.approx(statistics.pstdev(values), rel=1e-6, abs=1e-3)

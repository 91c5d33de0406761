import json
from typing import Any

import pytest

from pipelines.config import load_preset, preset_names
from pipelines.cost.jobs import Job, parameter_values, planned_jobs, uncounted_steps
from pipelines.errors import PipelineError

INTERNAL = ["SageMaker.JOB_INTERNAL_ERROR"]


def processing(name: str = "Prepare", **more: Any) -> dict[str, Any]:
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}
    arguments = {"ProcessingResources": {"ClusterConfig": cluster}, "StoppingCondition": {"MaxRuntimeInSeconds": 600}}
    return {"Name": name, "Type": "Processing", "Arguments": arguments, **more}


def only(*steps: dict[str, Any], **parameters: Any) -> Job:
    (job,) = planned_jobs({"Steps": list(steps)}, parameters)
    return job


@pytest.mark.parametrize(
    ("policy", "seconds"),
    [
        ({"ExceptionType": INTERNAL, "MaxAttempts": 2}, 3 * 600),
        ({"ExceptionType": INTERNAL, "ExpireAfterMin": 30}, 30 * 60 + 600),
        ({"ExceptionType": INTERNAL}, 6 * 600),
        ({"ExceptionType": ["Step.THROTTLING", "SageMaker.CAPACITY_ERROR"], "MaxAttempts": 9}, 600),
    ],
)
def test_only_a_failure_after_the_start_is_billed_again(policy: dict[str, Any], seconds: float) -> None:
    assert only(processing(RetryPolicies=[policy])).longest_seconds == seconds


def test_a_transform_job_has_no_disk_to_pay_and_no_time_limit() -> None:
    arguments = {"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 3}}
    job = only({"Name": "Count", "Type": "Transform", "Arguments": arguments})
    assert (job.meter, job.instance_count, job.volume_gb, job.longest_seconds) == ("Transform", 3, 0, None)


def test_what_only_the_execution_knows_is_left_open() -> None:
    step = processing()
    step["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceType"] = {"Get": "Steps.Other.Type"}
    assert only(step).instance_type is None


def searching(stopping: str = "Off") -> dict[str, Any]:
    arguments = {
        "HyperParameterTuningJobConfig": {
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 6, "MaxParallelTrainingJobs": 2},
            "TrainingJobEarlyStoppingType": stopping,
        },
        "TrainingJobDefinition": {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}},
    }
    return {"Name": "Tune", "Type": "Tuning", "Arguments": arguments}


@pytest.mark.parametrize(("stopping", "whole"), [("Auto", 2), ("Off", 6)])
def test_a_search_that_stops_early_runs_its_first_trials_whole(stopping: str, whole: int) -> None:
    job = only(searching(stopping))
    assert (job.trials, job.whole_trials) == (6, whole)


def test_a_search_over_several_algorithms_leaves_its_machine_open() -> None:
    arguments = {
        "HyperParameterTuningJobConfig": {"ResourceLimits": {"MaxNumberOfTrainingJobs": 6}},
        "TrainingJobDefinitions": [{"ResourceConfig": {"InstanceType": "ml.m5.large"}}],
    }
    assert only({"Name": "Tune", "Type": "Tuning", "Arguments": arguments}).instance_type is None


def test_steps_in_branches_are_told_from_those_that_always_run() -> None:
    inner = {"Name": "Inner", "Type": "Condition", "Arguments": {"IfSteps": [processing("Deep")]}}
    gate = {
        "Name": "Gate",
        "Type": "Condition",
        "Arguments": {"IfSteps": [processing("Yes")], "ElseSteps": [processing("No"), inner]},
    }
    jobs = planned_jobs({"Steps": [processing("First"), gate]}, {})
    assert {job.step: job.branch for job in jobs} == {"First": "always", "Yes": "if", "No": "else", "Deep": "else"}


PARAMETERS = {
    "Parameters": [
        {"Name": "Count", "Type": "Integer", "DefaultValue": 1},
        {"Name": "Share", "Type": "Float", "DefaultValue": 0.5},
        {"Name": "Source", "Type": "String"},
    ]
}


def test_given_parameters_take_their_type() -> None:
    assert parameter_values(PARAMETERS, {"Count": "3"}) == {"Count": 3, "Share": 0.5, "Source": None}
    assert json.dumps(parameter_values(PARAMETERS, {"Share": "1", "Source": "1"})["Share"]) == "1.0"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Count": "three"}, "parameter Count is an integer, not 'three'"),
        ({"Share": "half"}, "parameter Share is a number, not 'half'"),
    ],
)
def test_a_parameter_that_does_not_fit_is_one_sentence(given: dict[str, str], said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        parameter_values(PARAMETERS, given)


@pytest.mark.parametrize("count", [0, -3])
def test_fewer_than_one_instance_or_trial_is_refused(count: int) -> None:
    step, search = processing(), searching()
    step["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = {"Get": "Parameters.Count"}
    limits = search["Arguments"]["HyperParameterTuningJobConfig"]["ResourceLimits"]
    limits["MaxNumberOfTrainingJobs"] = {"Get": "Parameters.Count"}
    with pytest.raises(PipelineError, match=f"step Prepare asks for {count} instances: at least 1"):
        only(step, Count=count)
    with pytest.raises(PipelineError, match=f"step Tune asks for {count} trials: at least 1"):
        only(search, Count=count)
    assert (only(step, Count=2).instance_count, only(search, Count=2).trials) == (2, 2)


def test_steps_that_cost_something_unknown_are_named() -> None:
    gate = {"Name": "Gate", "Type": "Condition", "Arguments": {"ElseSteps": [{"Name": "Count", "Type": "EMR"}]}}
    steps = [processing(), {"Name": "Tell", "Type": "Lambda"}, gate]
    assert uncounted_steps({"Steps": steps}) == {"Count": "EMR"}


@pytest.mark.parametrize("preset", preset_names())
def test_the_minutes_of_a_preset_are_those_of_its_steps(preset: str) -> None:
    named = set(load_preset(preset).cost.minutes)
    assert named <= {"Catalog", "Ingest", "Explore", "Tune", "Train", "Evaluate"}

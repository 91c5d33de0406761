"""What was billed, after a real execution of a small pipeline that goes by the demo's name."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from pipelines import operations
from pipelines.cost.billed import Billed, billed_jobs
from pipelines.cost.durations import declared, expected, last_success, measured
from pipelines.target import Target

ROLE = "arn:aws:iam::123456789012:role/tiny"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tiny/trainer:1"
BUCKET = "billed"
NAME = "bin-counter-demo"
CACHE = {"Enabled": True, "ExpireAfter": "P1D"}


def processing() -> dict[str, Any]:
    cluster = {"InstanceCount": 2, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}
    return {
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "-c", "import time; time.sleep(1)"]},
        "ProcessingResources": {"ClusterConfig": cluster},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def training(machine: str) -> dict[str, Any]:
    return {
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": r"loss=([0-9.]+);"}],
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": machine, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def search() -> dict[str, Any]:
    ranges = {"ContinuousParameterRanges": [{"Name": "rate", "MinValue": "0.1", "MaxValue": "1.0"}]}
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": ranges,
        },
        "TrainingJobDefinition": training("ml.c7i.2xlarge"),
    }


@pytest.fixture(scope="module")
def executions(target: Target) -> tuple[str, str]:
    """Two executions, of which the second reuses what the first trained."""
    target.s3.create_bucket(Bucket=BUCKET)
    steps = [
        {"Name": "Catalog", "Type": "Processing", "Arguments": processing()},
        {"Name": "Tune", "Type": "Tuning", "Arguments": search()},
        {"Name": "Train", "Type": "Training", "Arguments": training("ml.m5.xlarge"), "CacheConfig": CACHE},
    ]
    definition = json.dumps({"Version": "2020-12-01", "Steps": steps})
    target.sagemaker.create_pipeline(
        PipelineName=NAME, PipelineDefinition=definition, RoleArn=ROLE, ClientRequestToken="0" * 32
    )
    assert last_success(target, NAME) is None
    return run(target), run(target)


def run(target: Target) -> str:
    arn = operations.start(target, NAME, {})
    deadline = time.monotonic() + 120
    while True:
        described = target.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        if described["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
            assert described["PipelineExecutionStatus"] == "Succeeded", described
            return arn
        assert time.monotonic() < deadline
        time.sleep(0.2)


def bill(target: Target, execution: str) -> dict[str, Billed]:
    return {job.step: job for job in billed_jobs(target, execution)}


def test_every_job_of_an_execution_is_billed_for_its_own_seconds(target: Target, executions: tuple[str, str]) -> None:
    found = bill(target, executions[0])
    assert {step: (job.meter, job.jobs) for step, job in found.items()} == {
        "Catalog": ("Processing", 1),
        "Tune": ("Training", 2),
        "Train": ("Training", 1),
    }
    assert (found["Catalog"].instance_count, found["Catalog"].instance_type) == (2, "ml.m5.xlarge")
    assert found["Tune"].instance_type == "ml.c7i.2xlarge"
    jobs = [job["TrainingJobName"] for job in target.sagemaker.list_training_jobs()["TrainingJobSummaries"]]
    described = [target.sagemaker.describe_training_job(TrainingJobName=name) for name in jobs]
    seconds = sum(job["BillableTimeInSeconds"] for job in described)
    again = bill(target, executions[1])
    assert seconds == found["Tune"].seconds + again["Tune"].seconds + found["Train"].seconds
    assert all(job.seconds >= job.jobs for job in found.values()), "each job slept for a second"


def test_a_step_that_reuses_a_result_is_not_billed_again(target: Target, executions: tuple[str, str]) -> None:
    again = bill(target, executions[1])["Train"]
    assert (again.seconds, again.note) == (0.0, "reused from an earlier execution")
    assert again.running_seconds == bill(target, executions[0])["Train"].running_seconds


def test_the_last_success_says_how_long_steps_take(target: Target, executions: tuple[str, str]) -> None:
    assert last_success(target, NAME) == executions[1]
    durations = measured(target, NAME, {"Train": 99, "Evaluate": 7})
    tune = bill(target, executions[1])["Tune"]
    assert durations.minutes["Tune"] == pytest.approx(tune.running_seconds / 2 / 60)
    assert durations.minutes["Train"] < 2
    assert durations.minutes["Evaluate"] == 7
    assert durations.source.endswith("those of Evaluate as the preset expects")


def test_a_pipeline_that_never_ran_takes_the_minutes_of_its_preset(target: Target) -> None:
    assert measured(target, "never-made", {"Train": 5}) == declared({"Train": 5})


def test_only_what_aws_has_run_says_how_long_its_machines_take(target: Target, executions: tuple[str, str]) -> None:
    assert expected(target, NAME, {"Train": 5}) == declared({"Train": 5})
    assert expected(None, NAME, {"Train": 5}) == declared({"Train": 5})
    sagemaker = boto3.client("sagemaker", "us-east-1", endpoint_url="https://api.sagemaker.us-east-1.amazonaws.com")
    with Stubber(sagemaker) as answers:
        summary = {"PipelineExecutionArn": executions[0], "PipelineExecutionStatus": "Succeeded"}
        answers.add_response("list_pipeline_executions", {"PipelineExecutionSummaries": [summary]})
        answers.add_response("list_pipeline_execution_steps", {"PipelineExecutionSteps": []})
        found = expected(replace(target, sagemaker=sagemaker), NAME, {"Train": 5})
    assert found.source.startswith("minutes are those of execution ")


def test_the_command_sets_the_billed_seconds_beside_the_estimate(
    target: Target, executions: tuple[str, str], command: Callable[..., str]
) -> None:
    told = command("cost", "--execution", executions[0])
    lines = {line.split()[0]: line.split() for line in told.splitlines() if line}
    train = bill(target, executions[0])["Train"]
    assert lines["Train"][1:7] == ["1", "x", "ml.m5.xlarge", "1", "300", f"{train.seconds:.0f}"]
    assert lines["Tune"][4:6] == ["2", "720"]
    assert "left out: Tune: no price for ml.c7i.2xlarge in us-east-1" in told
    assert "an embedded SageMaker: AWS has billed nothing" in told
    assert executions[1] in command("cost", "--execution", "latest")


def test_the_command_takes_no_minutes_of_an_embedded_execution(
    executions: tuple[str, str], command: Callable[..., str]
) -> None:
    told = command("cost", "--every", "rate(7 days)")
    assert "minutes are those that the preset expects ([cost.minutes]), not measured ones" in told
    assert "4.3 executions" in told
    assert "an execution is started by rate(7 days)" in told


def test_without_an_account_the_command_reckons_for_a_region(command: Callable[..., str]) -> None:
    told = command("cost", "--region", "us-west-2", "-p", "IngestInstanceCount=3")
    assert "3 x ml.m5.xlarge" in told
    assert "left out: no price for the disks of instances in us-west-2" in told
    assert "not both" in command("cost", "--region", "us-west-2", "--execution", "latest", fails=True)


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("Ingest=3", "has no parameter Ingest"),
        ("IngestInstanceCount=-3", "parameter IngestInstanceCount must be 1 or more"),
        ("ModelApprovalStatus=Foo", "parameter ModelApprovalStatus must be one of"),
    ],
)
def test_the_command_refuses_what_no_execution_starts_with(
    command: Callable[..., str], parameter: str, said: str
) -> None:
    assert said in command("cost", "--region", "us-west-2", "-p", parameter, fails=True)


def test_a_schedule_that_has_passed_costs_nothing(command: Callable[..., str]) -> None:
    told = command("cost", "--region", "us-east-1", "--every", "at(2026-01-01T00:00:00)")
    assert "no execution is started any more by at(2026-01-01T00:00:00)" in told
    assert "1.0 executions" not in told

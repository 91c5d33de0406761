"""What is told of jobs is on disk before anybody hears of it, and still there for the next server."""

import json
import signal
import subprocess
import sys

import boto3
import pytest
from botocore.exceptions import ClientError

from pipelines.local import EmbeddedSageMaker
from pipelines.local.announcements import Announcements

ROLE = "arn:aws:iam::123456789012:role/tiny"
IMAGE = "1.dkr.ecr.us-east-1.amazonaws.com/any:1"
KEYS = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
METRICS = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
MACHINE = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}


def client(url):
    return boto3.client("sagemaker", endpoint_url=url, **KEYS)


def processing(script):
    return {
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["sh", "-c", script]},
        "ProcessingResources": {"ClusterConfig": MACHINE},
    }


def training(script, **more):
    return {
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["sh", "-c", script],
            "MetricDefinitions": METRICS,
        },
        "OutputDataConfig": {"S3OutputPath": "s3://kept/models"},
        "ResourceConfig": MACHINE,
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **more,
    }


def tuning(definition):
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "rate", "MinValue": "0", "MaxValue": "1"}]},
        },
        "TrainingJobDefinition": definition,
    }


def forget(answer):
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


@pytest.fixture
def reporter(containers):
    """A tuning job's training jobs have no entry point in AWS's API: an image of their own."""
    program = containers / "reporter" / "bin" / "train"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text('#!/bin/sh\necho loss=0.5\n[ -z "$LONG" ] || sleep 600\n')
    program.chmod(0o755)
    definition = training("")
    definition["AlgorithmSpecification"] = {
        "TrainingImage": "1.dkr.ecr.us-east-1.amazonaws.com/reporter:1",
        "TrainingInputMode": "File",
        "MetricDefinitions": METRICS,
    }
    return definition


def test_a_second_server_tells_of_the_jobs_of_the_first_as_the_first_did(tmp_path, until, containers, s3_of, reporter):
    with EmbeddedSageMaker(state=tmp_path, containers=containers) as server:
        s3_of(server).create_bucket(Bucket="kept")
        first = client(server.url)
        first.create_training_job(
            TrainingJobName="done", Tags=[{"Key": "team", "Value": "bins"}], **training("echo loss=0.25")
        )
        first.create_processing_job(ProcessingJobName="broken", **processing("echo no lamp; exit 3"))
        first.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="search", **tuning(reporter))
        first.create_processing_job(ProcessingJobName="stopped", **processing("sleep 600"))
        described = first.describe_hyper_parameter_tuning_job
        until(lambda: described(HyperParameterTuningJobName="search")["HyperParameterTuningJobStatus"] != "InProgress")
        until(lambda: first.describe_training_job(TrainingJobName="done")["TrainingJobStatus"] == "Completed")
        before = answers(first)
    with EmbeddedSageMaker(state=tmp_path, containers=containers) as server:
        second = client(server.url)
        after = answers(second)
        stopped = second.describe_processing_job(ProcessingJobName="stopped")
        with pytest.raises(ClientError, match="must be unique") as taken:
            second.create_training_job(TrainingJobName="broken", **training("true"))
        arn = before["done"]["TrainingJobArn"]
        assert second.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "bins"}]
    assert after == before
    assert before["done"]["FinalMetricDataList"][0]["Value"] == 0.25
    assert "no lamp" in before["broken"]["FailureReason"]
    assert len(before["members"]) == 2
    assert stopped["ProcessingJobStatus"] == "Stopped", "a server that stops in order stops its jobs"
    assert taken.value.response["Error"]["Code"] == "ResourceInUse"


def answers(sagemaker):
    members = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName="search")
    return {
        "done": forget(sagemaker.describe_training_job(TrainingJobName="done")),
        "broken": forget(sagemaker.describe_processing_job(ProcessingJobName="broken")),
        "search": forget(sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="search")),
        "members": members["TrainingJobSummaries"],
        "listed": sagemaker.list_training_jobs(NameContains="done")["TrainingJobSummaries"],
    }


def test_jobs_that_ran_when_the_server_was_killed_have_failed_and_say_so(tmp_path, until, containers, reporter):
    command = [sys.executable, "-m", "pipelines.local", "--port", "0", "--state", tmp_path, "--containers", containers]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline().strip() for _ in range(5)]
        url = next(line.split("=", 1)[1] for line in lines if "AWS_ENDPOINT_URL" in line)
        first = client(url)
        first.create_training_job(TrainingJobName="train", **training("sleep 600"))
        first.create_processing_job(ProcessingJobName="process", **processing("sleep 600"))
        definition = {**reporter, "Environment": {"LONG": "1"}}
        first.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="search", **tuning(definition))
        until(lambda: first.describe_training_job(TrainingJobName="train")["SecondaryStatus"] == "Training")
        members = first.list_training_jobs_for_hyper_parameter_tuning_job
        until(lambda: members(HyperParameterTuningJobName="search")["TrainingJobSummaries"])
        process.send_signal(signal.SIGKILL)
    with EmbeddedSageMaker(state=tmp_path, containers=containers) as server:
        second = client(server.url)
        trained = second.describe_training_job(TrainingJobName="train")
        processed = second.describe_processing_job(ProcessingJobName="process")
        searched = second.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="search")
        members = second.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName="search")
        failed = second.list_training_jobs(StatusEquals="Failed")["TrainingJobSummaries"]
    assert trained["TrainingJobStatus"] == trained["SecondaryStatus"] == "Failed"
    assert [each["Status"] for each in trained["SecondaryStatusTransitions"]][-2:] == ["Training", "Failed"]
    assert trained["TrainingEndTime"] >= trained["TrainingStartTime"]
    assert processed["ProcessingJobStatus"] == searched["HyperParameterTuningJobStatus"] == "Failed"
    for answer in (trained, processed, searched, members["TrainingJobSummaries"][0]):
        assert answer["FailureReason"] == "InternalServerError: the server ended while the job ran."
    assert searched["TrainingJobStatusCounters"]["InProgress"] == searched["ObjectiveStatusCounters"]["Pending"] == 0
    assert searched["ObjectiveStatusCounters"]["Failed"] == 1
    assert {each["TrainingJobName"] for each in failed} == {
        "train",
        members["TrainingJobSummaries"][0]["TrainingJobName"],
    }


@pytest.fixture
def announced(monkeypatch):
    """What was announced: the detail-type and the detail as JSON would carry it."""
    seen = []
    monkeypatch.setattr(
        Announcements, "announce", lambda _, each: seen.append((each.detail_type, json.loads(json.dumps(each.detail))))
    )
    return seen


def test_each_change_of_a_jobs_state_is_announced_once_and_in_order(tiny, announced):
    name = tiny.name("announced")
    tags = [{"Key": "team", "Value": "bins"}]
    tiny.sagemaker.create_training_job(TrainingJobName=name, **tiny.training(Tags=tags))
    tiny.finish_training(name)
    details = [detail for kind, detail in announced if kind == "SageMaker Training Job State Change"]
    assert [(each["TrainingJobStatus"], each["SecondaryStatus"]) for each in details] == [
        ("InProgress", "Starting"),
        ("InProgress", "Downloading"),
        ("InProgress", "Training"),
        ("InProgress", "Uploading"),
        ("Completed", "Completed"),
    ]
    assert details[0]["Tags"] == {"team": "bins"}
    assert details[-1]["FinalMetricDataList"][0]["MetricName"] == "loss"


def test_a_stop_is_announced_before_its_end(tiny, announced, until):
    name = tiny.name("halted")
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **tiny.processing("time.sleep(600)"))
    until(lambda: "ProcessingStartTime" in tiny.sagemaker.describe_processing_job(ProcessingJobName=name))
    tiny.sagemaker.stop_processing_job(ProcessingJobName=name)
    tiny.finish_processing(name)
    seen = [each["ProcessingJobStatus"] for kind, each in announced if "Processing" in kind]
    assert [status for i, status in enumerate(seen) if status not in seen[:i]] == ["InProgress", "Stopping", "Stopped"]


def test_a_deleted_job_is_gone_and_its_name_is_free_again_but_one_that_runs_stays(tiny):
    name = tiny.name("deleted")
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **tiny.processing("time.sleep(600)"))
    with pytest.raises(ClientError, match="stop it before deleting it") as refused:
        tiny.sagemaker.delete_processing_job(ProcessingJobName=name)
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"
    tiny.sagemaker.stop_processing_job(ProcessingJobName=name)
    tiny.finish_processing(name)
    tiny.sagemaker.delete_processing_job(ProcessingJobName=name)
    with pytest.raises(ClientError, match="no processing job named"):
        tiny.sagemaker.describe_processing_job(ProcessingJobName=name)
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **tiny.processing("pass"))
    assert tiny.finish_processing(name)["ProcessingJobStatus"] == "Completed"


def test_a_job_that_has_ended_cannot_be_stopped(tiny):
    name = tiny.name("over")
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **tiny.processing("pass"))
    tiny.finish_processing(name)
    says = "The request was rejected because the processing job is in status Completed."
    with pytest.raises(ClientError, match=says) as refused:
        tiny.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_filter_that_only_aws_knows_is_refused_instead_of_ignored(tiny):
    with pytest.raises(ClientError, match="does not support the filter WarmPoolStatusEquals of ListTrainingJobs"):
        tiny.sagemaker.list_training_jobs(WarmPoolStatusEquals="Available")

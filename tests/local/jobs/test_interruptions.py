"""Spot instances that are taken away, time limits, and errors of the server."""

import pytest
import urllib3

from pipelines.local.aws import ApiError

# Counts its starts in its checkpoints; the first time it waits to be interrupted and saves once more in its grace.
CONTINUING = (
    "cd /opt/ml/checkpoints; trap 'echo saved >> grace; exit 0' TERM; echo start >> starts; "
    "if [ $(wc -l < starts) = 1 ]; then echo first run; while :; do sleep 0.05; done; fi; echo loss=0.5"
)


def spot(tiny, script, checkpoints=None, limits=None, **more):
    arguments = tiny.training(
        EnableManagedSpotTraining=True,
        StoppingCondition=limits or {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1200},
        **({"CheckpointConfig": {"S3Uri": checkpoints}} if checkpoints else {}),
        **more,
    )
    arguments["AlgorithmSpecification"]["ContainerEntrypoint"] = ["bash", "-c", script]
    name = tiny.name("spot")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **arguments)
    return name


def interrupt(tiny, name):
    return urllib3.request("POST", f"{tiny.server.url}/embedded/training-jobs/{name}/interrupt", timeout=30)


def test_an_interrupted_job_saves_in_its_grace_time_and_goes_on_from_its_checkpoints(tiny):
    uri = f"s3://{tiny.bucket}/spot/checkpoints"
    name = spot(tiny, CONTINUING, uri)
    tiny.wait_for_log("/aws/sagemaker/TrainingJobs", name, "first run")
    assert interrupt(tiny, name).status == 204
    job = tiny.finish_training(name)
    assert job["TrainingJobStatus"] == "Completed"
    phases = [each["Status"] for each in job["SecondaryStatusTransitions"]]
    first = ["Starting", "Downloading", "Training", "Interrupted"]
    assert phases == [*first, "Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert tiny.read(f"{uri}/starts").decode() == "start\nstart\n"
    assert tiny.read(f"{uri}/grace").decode() == "saved\n"
    assert job["FinalMetricDataList"][0]["Value"] == 0.5
    assert 1 <= job["BillableTimeInSeconds"] <= job["TrainingTimeInSeconds"]


def test_only_spot_training_that_trains_can_be_interrupted(tiny):
    name = tiny.name("steady")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **tiny.training())
    tiny.finish_training(name)
    with pytest.raises(ApiError, match="does not run any more"):
        tiny.server.interrupt(name)
    refused = interrupt(tiny, "nobody")
    assert refused.status == 409
    assert b"no training job named 'nobody'" in refused.data
    long = tiny.training()
    long["AlgorithmSpecification"]["ContainerEntrypoint"] = ["sh", "-c", "echo here; sleep 600"]
    name = tiny.name("steady")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **long)
    tiny.wait_for_log("/aws/sagemaker/TrainingJobs", name, "here")
    with pytest.raises(ApiError, match="has no EnableManagedSpotTraining"):
        tiny.server.interrupt(name)
    tiny.sagemaker.stop_training_job(TrainingJobName=name)
    assert tiny.finish_training(name)["TrainingJobStatus"] == "Stopped"


def test_a_job_whose_time_of_waiting_for_instances_is_over_is_stopped(tiny):
    name = spot(tiny, "sleep 600", limits={"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1})
    job = tiny.finish_training(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert "MaxWaitTimeInSeconds of 1" in job["FailureReason"]


def test_a_job_is_started_again_after_an_error_of_the_server_where_it_asks_for_it(tiny, until):
    name = tiny.name("retried")
    in_the_way = tiny.state / "jobs" / name
    in_the_way.parent.mkdir(exist_ok=True)
    in_the_way.write_text("a file where the job's folder should be")
    arguments = tiny.training(RetryStrategy={"MaximumRetryAttempts": 30})
    tiny.sagemaker.create_training_job(TrainingJobName=name, **arguments)
    until(lambda: tiny.sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Restarting")
    in_the_way.unlink()
    assert tiny.finish_training(name)["TrainingJobStatus"] == "Completed"

"""How a job's data comes and goes: while it runs, at its end, shuffled, packed or as it is."""

import json

import pytest
from botocore.exceptions import ClientError


def test_checkpoints_and_tensorboard_files_are_in_s3_while_the_job_trains(tiny, until):
    uri = f"s3://{tiny.bucket}/live"
    board = {"S3OutputPath": f"s3://{tiny.bucket}/board"}
    script = "echo 1 > /opt/ml/checkpoints/epoch; echo 2 > /opt/ml/output/tensorboard/events; sleep 600"
    arguments = tiny.training(CheckpointConfig={"S3Uri": f"{uri}/c"}, TensorBoardOutputConfig=board)
    arguments["AlgorithmSpecification"]["ContainerEntrypoint"] = ["sh", "-c", script]
    name = tiny.name("live")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **arguments)
    until(lambda: tiny.keys("live/c/") == ["epoch"])
    until(lambda: tiny.keys(f"board/{name}/tensorboard-output/") == ["events"])
    assert tiny.sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Training"
    tiny.sagemaker.stop_training_job(TrainingJobName=name)
    phases = tiny.finish_training(name)["SecondaryStatusTransitions"]
    assert [each["Status"] for each in phases][-3:] == ["Stopping", "Uploading", "Stopped"]


def test_continuous_outputs_are_in_s3_while_the_job_runs_and_others_at_its_end(tiny, until):
    outputs = [("soon", f"s3://{tiny.bucket}/outputs/soon"), ("late", f"s3://{tiny.bucket}/outputs/late")]
    code = (
        "for name in ('soon', 'late'): (base / 'processing' / name / 'first').write_text('1')\n"
        "while not (base / 'processing/input/code/main.py').with_name('go').exists(): time.sleep(0.05)\n"
        "for name in ('soon', 'late'): (base / 'processing' / name / 'second').write_text('2')"
    )
    arguments = tiny.processing(code, outputs=outputs)
    arguments["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3UploadMode"] = "Continuous"
    name = tiny.name("continuous")
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **arguments)
    until(lambda: tiny.keys("outputs/soon/"))
    assert tiny.keys("outputs/soon/") == ["first"]
    assert tiny.keys("outputs/late/") == []
    (tiny.state / "jobs" / name / "algo-1" / "processing" / "input" / "code" / "go").touch()
    assert tiny.finish_processing(name)["ProcessingJobStatus"] == "Completed"
    assert tiny.keys("outputs/soon/") == tiny.keys("outputs/late/") == ["first", "second"]


def test_an_output_larger_than_one_request_is_stored_whole(tiny):
    outputs = [("big", f"s3://{tiny.bucket}/big")]
    code = "with (base / 'processing/big/sparse').open('wb') as file: file.truncate(70_000_000)"
    name = tiny.name("big")
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **tiny.processing(code, outputs=outputs))
    assert tiny.finish_processing(name)["ProcessingJobStatus"] == "Completed"
    head = tiny.s3.head_object(Bucket=tiny.bucket, Key="big/sparse")
    assert head["ContentLength"] == 70_000_000
    assert head["ETag"].endswith('-9"'), "it came in parts of 8 MB"
    tiny.s3.delete_object(Bucket=tiny.bucket, Key="big/sparse")


def test_a_model_may_be_stored_as_it_is(tiny):
    output = {"S3OutputPath": f"s3://{tiny.bucket}/plain", "CompressionType": "NONE"}
    name = tiny.name("plain")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **tiny.training(OutputDataConfig=output))
    job = tiny.finish_training(name)
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{tiny.bucket}/plain/{name}/output/model/"
    assert json.loads(tiny.read(job["ModelArtifacts"]["S3ModelArtifacts"] + "weights.json"))["files"] == []


def test_a_shuffled_channel_is_dealt_to_the_hosts_in_another_order(tiny):
    for number in range(8):
        tiny.put(f"dealt/{number}", str(number))
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://{tiny.bucket}/dealt/",
        "S3DataDistributionType": "ShardedByS3Key",
    }
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}, "InputMode": "FastFile"}
    shares = {}
    for label, shuffle in (("plain", {}), ("shuffled", {"ShuffleConfig": {"Seed": 4}})):
        arguments = tiny.training(InputDataConfig=[{**channel, **shuffle}])
        arguments["ResourceConfig"]["InstanceCount"] = 2
        name = tiny.name(label)
        host = '$(sed \'s/.*"current_host": "\\([^"]*\\).*/\\1/\' /opt/ml/input/config/resourceconfig.json)'
        script = f"ls /opt/ml/input/data/train > /opt/ml/model/{host}"
        arguments["AlgorithmSpecification"]["ContainerEntrypoint"] = ["sh", "-c", script]
        tiny.sagemaker.create_training_job(TrainingJobName=name, **arguments)
        model = tiny.unpack(tiny.finish_training(name)["ModelArtifacts"]["S3ModelArtifacts"])
        shares[label] = [model[host].split() for host in ("algo-1", "algo-2")]
    assert shares["plain"] == [["0", "2", "4", "6"], ["1", "3", "5", "7"]]
    assert shares["shuffled"] != shares["plain"]
    assert sorted(key for share in shares["shuffled"] for key in share) == [str(number) for number in range(8)]


def test_inputs_and_outputs_that_the_application_manages_are_left_to_it(tiny):
    arguments = tiny.processing("assert not (base / 'processing/input/own').exists()")
    uri = {"S3Uri": "s3://no-such-bucket/x"}
    arguments["ProcessingInputs"].append(
        {"InputName": "own", "AppManaged": True, "S3Input": {**uri, "S3DataType": "S3Prefix"}}
    )
    arguments["ProcessingOutputConfig"]["Outputs"].append(
        {"OutputName": "own", "AppManaged": True, "S3Output": {**uri, "S3UploadMode": "EndOfJob"}}
    )
    name = tiny.name("own")
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **arguments)
    assert tiny.finish_processing(name)["ProcessingJobStatus"] == "Completed"


def test_a_running_training_job_can_be_updated_and_a_finished_one_cannot(tiny, until):
    arguments = tiny.training()
    arguments["AlgorithmSpecification"]["ContainerEntrypoint"] = ["sh", "-c", "sleep 600"]
    name = tiny.name("updated")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **arguments)
    tiny.sagemaker.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 60})
    described = tiny.sagemaker.describe_training_job(TrainingJobName=name)["ResourceConfig"]
    assert (described["KeepAlivePeriodInSeconds"], described["InstanceCount"]) == (60, 1)
    tiny.sagemaker.stop_training_job(TrainingJobName=name)
    tiny.finish_training(name)
    with pytest.raises(ClientError, match="does not run any more"):
        tiny.sagemaker.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 5, "MaxWaitTimeInSeconds": 9}}, "only supported when Enable"),
        (
            {
                "StoppingCondition": {"MaxRuntimeInSeconds": 9, "MaxWaitTimeInSeconds": 5},
                "EnableManagedSpotTraining": True,
            },
            "greater than or equal to MaxRuntimeInSeconds",
        ),
        ({"TensorBoardOutputConfig": {"S3OutputPath": "s3://b/c", "LocalPath": "/etc"}}, "must lie under /opt/ml"),
        (
            {"DebugRuleConfigurations": [{"RuleConfigurationName": "r", "RuleEvaluatorImage": "i"}]},
            "does not support DebugRuleConfigurations",
        ),
        (
            {
                "ResourceConfig": {
                    "VolumeSizeInGB": 1,
                    "InstanceGroups": [
                        {"InstanceGroupName": "g", "InstanceType": "ml.m5.large", "InstanceCount": 1},
                    ],
                }
            },
            "does not support ResourceConfig.InstanceGroups",
        ),
    ],
)
def test_what_only_aws_can_do_or_would_refuse_is_refused_with_a_sentence(tiny, more, says):
    with pytest.raises(ClientError, match=says) as refused:
        tiny.sagemaker.create_training_job(TrainingJobName=tiny.name("refused"), **tiny.training(**more))
    assert refused.value.response["Error"]["Code"] == "ValidationException"

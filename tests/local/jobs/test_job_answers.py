"""The raw answers about jobs hold nothing that AWS's do not, as botocore models them."""

import json

import pytest
import urllib3

from pipelines.local.shapes import problems, service


@pytest.fixture
def ask(tiny):
    """Call an action without a client, so that nothing of the answer is dropped."""

    def call(action, **request):
        headers = {"X-Amz-Target": f"SageMaker.{action}", "Content-Type": "application/x-amz-json-1.1"}
        answer = urllib3.request("POST", tiny.server.url, body=json.dumps(request), headers=headers, timeout=60)
        assert answer.status == 200, answer.data
        body = json.loads(answer.data)
        assert not list(problems(service().operation_model(action).output_shape, body))
        return body

    return call


def test_answers_about_finished_jobs_are_of_awss_shape(tiny, ask):
    done, failed = tiny.name("done"), tiny.name("failed")
    checkpoints = {"S3Uri": f"s3://{tiny.bucket}/answers"}
    tiny.sagemaker.create_training_job(
        TrainingJobName=done,
        **tiny.training(
            CheckpointConfig=checkpoints,
            EnableManagedSpotTraining=True,
            StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
            RetryStrategy={"MaximumRetryAttempts": 1},
            ProfilerConfig={"DisableProfiler": True},
            DebugHookConfig={"S3OutputPath": f"s3://{tiny.bucket}/tensors"},
        ),
    )
    tiny.sagemaker.create_processing_job(ProcessingJobName=failed, **tiny.processing("sys.exit('no lamp')"))
    tiny.finish_training(done)
    tiny.finish_processing(failed)
    described = ask("DescribeTrainingJob", TrainingJobName=done)
    assert described["CheckpointConfig"] == checkpoints
    assert "no lamp" in ask("DescribeProcessingJob", ProcessingJobName=failed)["FailureReason"]
    assert [line["TrainingJobName"] for line in ask("ListTrainingJobs")["TrainingJobSummaries"]] == [done]
    assert [line["ProcessingJobName"] for line in ask("ListProcessingJobs")["ProcessingJobSummaries"]] == [failed]


def test_answers_about_a_transform_job_that_fails_are_of_awss_shape(tiny, ask, until):
    model, name = tiny.name("model"), tiny.name("transform")
    tiny.sagemaker.create_model(
        ModelName=model, ExecutionRoleArn=tiny.role, PrimaryContainer={"Image": tiny.image.replace("trainer", "none")}
    )
    source = {"S3DataType": "S3Prefix", "S3Uri": tiny.put("answers-in/a", "1")}
    tiny.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=model,
        TransformInput={"DataSource": {"S3DataSource": source}},
        TransformOutput={"S3OutputPath": f"s3://{tiny.bucket}/answers-out"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        Tags=[{"Key": "team", "Value": "bins"}],
    )
    until(lambda: ask("DescribeTransformJob", TransformJobName=name)["TransformJobStatus"] == "Failed")
    described = ask("DescribeTransformJob", TransformJobName=name)
    assert "the program 'serve' is looked for in" in described["FailureReason"]
    (line,) = ask("ListTransformJobs")["TransformJobSummaries"]
    assert line["FailureReason"] == described["FailureReason"]
    tags = tiny.sagemaker.list_tags(ResourceArn=described["TransformJobArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "bins"}]

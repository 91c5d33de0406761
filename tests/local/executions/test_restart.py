"""Pipelines and executions survive a restart of the server, even one that it did not see coming."""

import json
import subprocess
import sys
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError

from pipelines.local import EmbeddedSageMaker

TOKEN = "t" * 32


def work(tiny, name, code, outputs=(), **more):
    """A processing step whose program is in the definition itself."""
    arguments = tiny.processing("", outputs=outputs)
    arguments["ProcessingInputs"] = []
    arguments["AppSpecification"]["ContainerEntrypoint"] = ["python3", "-c", code]
    return {"Name": name, "Type": "Processing", "Arguments": arguments, **more}


@pytest.fixture
def serve(tmp_path, containers):
    """A server in this process on a state folder that the test's other servers have too."""
    return lambda: EmbeddedSageMaker(state=tmp_path / "state", containers=containers)


def test_everything_reported_done_is_there_after_a_restart(serve, tiny_of, tmp_path):
    cache = {"Enabled": True, "ExpireAfter": "P1D"}
    with serve() as server:
        tiny = tiny_of(server, tmp_path)
        write = "open('/opt/ml/processing/out/a', 'w').close()"
        steps = [work(tiny, "Work", write, [("out", f"s3://{tiny.bucket}/kept")], CacheConfig=cache)]
        name = tiny.create(
            steps, [{"Name": "P", "Type": "Integer", "DefaultValue": 3}], Tags=[{"Key": "a", "Value": "1"}]
        )
        pipeline = tiny.sagemaker.describe_pipeline(PipelineName=name)["PipelineArn"]
        tiny.sagemaker.add_tags(ResourceArn=pipeline, Tags=[{"Key": "b", "Value": "2"}])
        tiny.sagemaker.update_pipeline(PipelineName=name, PipelineDescription="changed")
        given = {"PipelineName": name, "ClientRequestToken": TOKEN}
        arn = tiny.sagemaker.start_pipeline_execution(**given)["PipelineExecutionArn"]
        before = tiny.finish(arn)
        told = tiny.sagemaker.describe_pipeline(PipelineName=name)
    with serve() as server:
        tiny = tiny_of(server, tmp_path)
        for answer in (before, told):
            del answer["ResponseMetadata"]
        after = tiny.finish(arn)
        assert before.items() <= after.items()
        assert told.items() <= tiny.sagemaker.describe_pipeline(PipelineName=name).items()
        assert tiny.sagemaker.start_pipeline_execution(**given)["PipelineExecutionArn"] == arn
        tags = tiny.sagemaker.list_tags(ResourceArn=pipeline)["Tags"]
        assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
        bound = tiny.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
        assert bound["PipelineParameters"] == [{"Name": "P", "Value": "3"}]
        again = tiny.finish(tiny.start(name))
        assert again["Steps"]["Work"]["CacheHitResult"] == {"SourcePipelineExecutionArn": arn}
        tiny.sagemaker.delete_pipeline(PipelineName=name)
    with serve() as server:
        tiny = tiny_of(server, tmp_path)
        assert tiny.sagemaker.list_pipelines()["PipelineSummaries"] == []
        with pytest.raises(ClientError, match="does not exist"):
            tiny.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)


@pytest.fixture
def kill_while(tmp_path, containers, tiny_of, until):
    """Have a server killed while what `begin` starts with its clients is still to find the flag; gives its answer."""
    flag = tmp_path / "flag"
    hang = f"import os, time; path = {str(flag)!r}; os.path.exists(path) or (open(path, 'w'), time.sleep(600))"
    words = ["--port", "0", "--state", tmp_path / "state", "--containers", containers]

    def run(begin):
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.local", *map(str, words)], stdout=subprocess.PIPE, text=True
        )
        try:
            url = process.stdout.readline().strip().split("=", 1)[1]
            begun = begin(tiny_of(SimpleNamespace(url=url), tmp_path), hang)
            until(flag.exists)
        finally:
            process.kill()
            process.communicate()
        return begun

    return run


def test_what_ran_when_the_server_was_killed_has_failed_and_can_go_on(serve, tiny_of, tmp_path, kill_while):
    runs = tmp_path / "runs"
    count = f"open({str(runs)!r}, 'a').write('x')"

    def begin(tiny, hang):
        name = tiny.create([work(tiny, "First", count), work(tiny, "Then", hang, DependsOn=["First"])])
        return tiny.start(name)

    arn = kill_while(begin)
    with serve() as server:
        tiny = tiny_of(server, tmp_path)
        found = tiny.finish(arn)
        assert found["PipelineExecutionStatus"] == "Failed"
        assert "the server ended while this ran" in found["FailureReason"]
        statuses = {step: each["StepStatus"] for step, each in found["Steps"].items()}
        assert statuses == {"First": "Succeeded", "Then": "Failed"}
        assert "ProcessingJob" in found["Steps"]["Then"]["Metadata"]
        tiny.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)
        retried = tiny.finish(arn)
        assert retried["PipelineExecutionStatus"] == "Succeeded"
        assert retried["Steps"]["First"] == found["Steps"]["First"]
        assert runs.read_text() == "x"


def test_what_ran_when_the_server_was_killed_is_announced_as_failed_by_the_next_one(
    serve, tiny_of, tmp_path, kill_while, until
):
    def client(service, url):
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=url, **keys)

    def begin(tiny, hang):
        events, sqs = (client(service, tiny.server.url) for service in ("events", "sqs"))
        sqs.create_queue(QueueName="ends")
        statuses = ("ProcessingJobStatus", "currentStepStatus", "currentPipelineExecutionStatus")
        failed = {"$or": [{status: ["Failed"]} for status in statuses]}
        events.put_rule(Name="ends", EventPattern=json.dumps({"source": ["aws.sagemaker"], "detail": failed}))
        target = {"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:123456789012:ends"}
        events.put_targets(Rule="ends", Targets=[target])
        return tiny.start(tiny.create([work(tiny, "Work", hang)]))

    arn = kill_while(begin)
    with serve() as server:
        sqs, heard = client("sqs", server.url), []

        def all_heard():
            url = sqs.get_queue_url(QueueName="ends")["QueueUrl"]
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            heard.extend(json.loads(each["Body"]) for each in messages)
            return len(heard) >= 3

        until(all_heard)
        assert {each["detail-type"] for each in heard} == {
            "SageMaker Processing Job State Change",
            "SageMaker Model Building Pipeline Execution Step Status Change",
            "SageMaker Model Building Pipeline Execution Status Change",
        }
        (job,) = [each["detail"]["ProcessingJobName"] for each in heard if "ProcessingJobName" in each["detail"]]
        tiny = tiny_of(server, tmp_path)
        assert tiny.finish(arn)["PipelineExecutionStatus"] == "Failed"
        component = tiny.sagemaker.describe_trial_component(TrialComponentName=f"{job}-aws-processing-job")
        assert component["Status"]["PrimaryStatus"] == "Failed"

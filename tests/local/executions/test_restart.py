"""Pipelines and executions survive a restart of the server, even one that it did not see coming."""

import subprocess
import sys
from types import SimpleNamespace

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


def test_what_ran_when_the_server_was_killed_has_failed_and_can_go_on(serve, tiny_of, tmp_path, containers, until):
    runs, flag = tmp_path / "runs", tmp_path / "flag"
    count = f"open({str(runs)!r}, 'a').write('x')"
    hang = f"import os, time; path = {str(flag)!r}; os.path.exists(path) or (open(path, 'w'), time.sleep(600))"
    words = ["--port", "0", "--state", tmp_path / "state", "--containers", containers]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.local", *map(str, words)], stdout=subprocess.PIPE, text=True
    )
    try:
        url = process.stdout.readline().strip().split("=", 1)[1]
        tiny = tiny_of(SimpleNamespace(url=url), tmp_path)
        name = tiny.create([work(tiny, "First", count), work(tiny, "Then", hang, DependsOn=["First"])])
        arn = tiny.start(name)
        until(flag.exists)
    finally:
        process.kill()
        process.communicate()
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

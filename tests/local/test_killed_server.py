"""A server that is killed while twenty executions run: nothing is left running, nothing reported done is lost."""

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import boto3
import pytest

EXECUTIONS = 20
ROLE = "arn:aws:iam::123456789012:role/tiny"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/any:1"
WRITE = "mkdir -p /opt/ml/processing/out; echo {0} > /opt/ml/processing/out/{0}.txt"
CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}


def step(name, after=()):
    """A processing step that writes its own name, and leaves a daemon behind that would outlive it."""
    program = f"(setsid sleep 600 &) ; sleep $PAUSE; {WRITE.format(name)}"
    target = {"Std:Join": {"On": "/", "Values": ["s3://kept/runs", {"Get": "Execution.PipelineExecutionId"}, name]}}
    return {
        "Name": name,
        "Type": "Processing",
        "DependsOn": list(after),
        "Arguments": {
            "RoleArn": ROLE,
            "Environment": {"PAUSE": {"Get": "Parameters.Pause"}},
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["sh", "-c", program]},
            "ProcessingResources": {"ClusterConfig": CLUSTER},
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "out",
                        "S3Output": {
                            "S3Uri": target,
                            "LocalPath": "/opt/ml/processing/out",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
        },
    }


class Life:
    """One life of a server: a process in a session of its own, and clients of it."""

    def __init__(self, state, mark):
        words = [sys.executable, "-m", "pipelines.local", "--port", "0", "--state", str(state)]
        self.process = subprocess.Popen(
            words, stdout=subprocess.PIPE, text=True, env={**os.environ, "MARK_OF_THIS_TEST": mark}
        )
        exports = {}
        while "AWS_ENDPOINT_URL" not in exports or "AWS_DEFAULT_REGION" not in exports:
            line = self.process.stdout.readline()
            assert line, "the server ended"
            name, _, value = line.removeprefix("export ").strip().partition("=")
            exports[name] = value
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
        self.s3, self.sagemaker = (
            boto3.client(name, endpoint_url=exports["AWS_ENDPOINT_URL"], **keys) for name in ("s3", "sagemaker")
        )

    def start(self, pause):
        """Start an execution whose steps take `pause` seconds each; returns its ARN."""
        values = [{"Name": "Pause", "Value": pause}]
        return self.sagemaker.start_pipeline_execution(PipelineName="kept", PipelineParameters=values)[
            "PipelineExecutionArn"
        ]

    def status(self, arn):
        return self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]

    def outputs(self, arn):
        """Key and content of everything that an execution wrote."""
        prefix = f"runs/{arn.rsplit('/', 1)[-1]}/"
        found = self.s3.list_objects_v2(Bucket="kept", Prefix=prefix).get("Contents", [])
        return {
            item["Key"].removeprefix(prefix): self.s3.get_object(Bucket="kept", Key=item["Key"])["Body"].read().decode()
            for item in found
        }

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def running(state):
    """Processes that work in a folder below `state`, or were started by a job of it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                dead = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
            except OSError:
                continue
            if str(state).encode() in told and not dead:
                found.append(int(entry.name))
    return found


@pytest.mark.slow
def test_a_killed_server_leaves_nothing_running_and_loses_nothing_that_was_reported_done(tmp_path, until):
    state, mark = tmp_path / "state", uuid.uuid4().hex
    names = ["First", "Second", "Third"]
    steps = [step(name, names[:number][-1:]) for number, name in enumerate(names)]
    life = Life(state, mark)
    try:
        life.s3.create_bucket(Bucket="kept")
        pause = {"Name": "Pause", "Type": "String"}
        definition = json.dumps({"Version": "2020-12-01", "Parameters": [pause], "Steps": steps})
        life.sagemaker.create_pipeline(PipelineName="kept", PipelineDefinition=definition, RoleArn=ROLE)
        arns = [life.start(seconds) for seconds in ("0", "4") for _ in range(EXECUTIONS // 2)]
        until(lambda: sum(life.status(arn) == "Succeeded" for arn in arns) >= 5, seconds=180)
        done = {arn: life.outputs(arn) for arn in arns if life.status(arn) == "Succeeded"}
        assert len(done) < EXECUTIONS, "it was too quick to be killed in the middle"
        assert running(state)
    finally:
        life.kill()
    until(lambda: not running(state))

    life = Life(state, mark)
    try:
        listed = life.sagemaker.list_pipeline_executions(PipelineName="kept", MaxResults=100)
        assert {line["PipelineExecutionArn"] for line in listed["PipelineExecutionSummaries"]} == set(arns)
        wanted = {f"{name}/{name}.txt": f"{name}\n" for name in names}
        for arn, outputs in done.items():
            assert life.status(arn) == "Succeeded"
            assert life.outputs(arn) == outputs == wanted
        broken = [arn for arn in arns if life.status(arn) != "Succeeded"]
        assert {life.status(arn) for arn in broken} <= {"Failed"}
        for arn in broken:
            life.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=uuid.uuid4().hex * 2)
        until(lambda: all(life.status(arn) == "Succeeded" for arn in arns), seconds=180)
        assert all(life.outputs(arn) == wanted for arn in arns)
    finally:
        life.process.terminate()
        life.process.communicate(timeout=60)
    until(lambda: not running(state))

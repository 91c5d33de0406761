"""A server, its clients, and a tiny foreign project that runs on it."""

import io
import json
import secrets
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import boto3
import pytest

from pipelines.local import EmbeddedSageMaker

ROLE = "arn:aws:iam::123456789012:role/tiny"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tiny/trainer:1"
BUCKET = "tiny-bucket"

# What the trainer's image does: a foreign project's training program in a dozen lines.
TRAIN = """#!/usr/bin/env python3
import json, os, pathlib, sys
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
settings = json.loads((base / "input/config/hyperparameters.json").read_text())
data = sorted(p.name for p in (base / "input/data").rglob("*") if p.is_file())
print("loss=9.5")
if "fail_with" in settings:
    (base / "output/failure").write_text(settings["fail_with"])
    sys.exit(3)
print("loss=0.25; files", data, flush=True)
(base / "model/weights.json").write_text(json.dumps({"files": data, "settings": settings}))
(base / "output/data/notes.txt").write_text("notes")
with (base / "checkpoints/epochs.txt").open("a") as file:
    file.write("epoch\\n")
"""


class Tiny:
    """The clients of one server, and the few calls that every test needs."""

    role, image, bucket = ROLE, IMAGE, BUCKET

    def __init__(self, server, state):
        self.server = server
        self.state = state
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
        self.session = boto3.Session(**keys)
        self.s3 = self.session.client("s3", endpoint_url=server.url)
        self.sagemaker = self.session.client("sagemaker", endpoint_url=server.url)
        self.logs = self.session.client("logs", endpoint_url=server.url)
        self.s3.create_bucket(Bucket=BUCKET)
        self._count = 0

    def name(self, stem="tiny"):
        self._count += 1
        return f"{stem}-{self._count}"

    def put(self, key, content):
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content.encode())
        return f"s3://{BUCKET}/{key}"

    def read(self, uri):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def keys(self, prefix):
        listing = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [item["Key"].removeprefix(prefix) for item in listing]

    def unpack(self, uri):
        with tarfile.open(fileobj=io.BytesIO(self.read(uri))) as tar:
            return {member.name: tar.extractfile(member).read().decode() for member in tar}

    def processing(self, code, outputs=(), inputs=(), instances=1, arguments=(), **more):
        """Arguments of a processing job that runs `code` with the variable `base` set."""
        prelude = "import json, os, pathlib, sys, time\nbase = pathlib.Path(os.environ['SAGEMAKER_BASE_DIR'])\n"
        main = self.put(f"code/{self.name()}/main.py", prelude + code)
        inputs = [("code", main, "FullyReplicated"), *inputs]
        return {
            "RoleArn": ROLE,
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/main.py"],
                **({"ContainerArguments": list(arguments)} if arguments else {}),
            },
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": instances,
                    "InstanceType": "ml.m5.large",
                    "VolumeSizeInGB": 10,
                }
            },
            "ProcessingInputs": [
                {
                    "InputName": name,
                    "S3Input": {
                        "S3Uri": uri,
                        "LocalPath": f"/opt/ml/processing/input/{name}",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                        "S3DataDistributionType": distribution,
                    },
                }
                for name, uri, distribution in inputs
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": name,
                        "S3Output": {
                            "S3Uri": uri,
                            "LocalPath": f"/opt/ml/processing/{name}",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                    for name, uri in outputs
                ]
            },
            **more,
        }

    def training(self, train=None, hyperparameters=None, image=IMAGE, **more):
        """Arguments of a training job of the tiny trainer."""
        return {
            "RoleArn": ROLE,
            "AlgorithmSpecification": {
                "TrainingImage": image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
            },
            "HyperParameters": hyperparameters or {},
            **({} if train is None else {"InputDataConfig": [channel("train", train)]}),
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            **more,
        }

    def create(self, steps, parameters=(), **more):
        """Create a pipeline of these steps; returns its name."""
        name = self.name("pipeline")
        definition = {"Version": "2020-12-01", "Parameters": list(parameters), "Steps": steps}
        self.sagemaker.create_pipeline(
            PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=ROLE, **more
        )
        return name

    def start(self, name, **parameters):
        given = [{"Name": key, "Value": value} for key, value in parameters.items()]
        answer = self.sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=given)
        return answer["PipelineExecutionArn"]

    def finish(self, arn):
        """Wait for an execution; returns its description with its steps by name under `Steps`."""
        wait_until(lambda: self._status(arn) not in ("Executing", "Stopping"))
        listing = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
        steps = {step["StepName"]: step for step in listing["PipelineExecutionSteps"]}
        return {**self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn), "Steps": steps}

    def run(self, steps, parameters=(), **given):
        return self.finish(self.start(self.create(steps, parameters), **given))

    def finish_processing(self, name):
        return self._finish_job("Processing", self.sagemaker.describe_processing_job, name)

    def finish_training(self, name):
        return self._finish_job("Training", self.sagemaker.describe_training_job, name)

    def wait_for_log(self, group, job, text):
        """Follow a running job's CloudWatch stream until it says `text`."""
        wait_until(lambda: text in self.log(group, job))

    def log(self, group, job):
        try:
            streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")
        except self.logs.exceptions.ResourceNotFoundException:
            return ""
        lines = []
        for stream in streams["logStreams"]:
            events = self.logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])
            lines += [event["message"] for event in events["events"]]
        return "\n".join(lines)

    def _status(self, arn):
        answer = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return answer["PipelineExecutionStatus"]

    def _finish_job(self, kind, describe, name):
        wait_until(lambda: describe(**{f"{kind}JobName": name})[f"{kind}JobStatus"] not in ("InProgress", "Stopping"))
        return describe(**{f"{kind}JobName": name})


def channel(name, uri):
    source = {"S3DataType": "S3Prefix", "S3Uri": uri}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def wait_until(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"it did not happen within {seconds} seconds")
        time.sleep(0.05)


@pytest.fixture(scope="session")
def until():
    """Wait for something to become true."""
    return wait_until


@pytest.fixture(scope="session")
def tiny_of():
    """Make the clients of any server, given that and its state folder."""
    return Tiny


@pytest.fixture(scope="session")
def containers(tmp_path_factory) -> Path:
    """A folder of containers with one trainer in it."""
    folder = tmp_path_factory.mktemp("containers")
    program = folder / "trainer" / "bin" / "train"
    program.parent.mkdir(parents=True)
    program.write_text(TRAIN)
    program.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def tiny(request, tmp_path_factory, containers):
    """A running server and its clients; a module may say by ISOLATION how its jobs are kept apart."""
    state = tmp_path_factory.mktemp("state")
    isolation = getattr(request.module, "ISOLATION", None)
    with EmbeddedSageMaker(state=state, containers=containers, isolation=isolation) as server:
        yield Tiny(server, state)


class Sleeper:
    """A command that sleeps for minutes, and can be told from all others by how long."""

    def __init__(self):
        self.command = f"sleep 6{secrets.randbelow(10**9):09}"

    def runs(self):
        """Whether any process of this machine has the command among its words, the keeper of a job included."""
        return any(self.command.encode() in words.replace(b"\0", b" ") for words in map(_words, PROC.iterdir()))


PROC = Path("/proc")


def _words(process):
    try:
        return (process / "cmdline").read_bytes()
    except OSError:  # it has ended, or is no process
        return b""


@pytest.fixture
def sleeper():
    """What a job may leave behind; nothing of it is left after the test."""
    found = Sleeper()
    yield found
    subprocess.run(["pkill", "-KILL", "-f", found.command], check=False)


@pytest.fixture(scope="session")
def bare_processing():
    """Make the arguments of a processing job that runs a command, without inputs or outputs."""

    def make(command, image="1.dkr.ecr.us-east-1.amazonaws.com/any:1"):
        cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        return {
            "RoleArn": ROLE,
            "ProcessingResources": {"ClusterConfig": cluster},
            "AppSpecification": {"ImageUri": image, "ContainerEntrypoint": command},
        }

    return make


@pytest.fixture(scope="session")
def python() -> str:
    """This Python."""
    return sys.executable


@pytest.fixture
def s3_of():
    """Make an S3 client of any server."""

    def make(server):
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
        return boto3.client("s3", endpoint_url=server.url, **keys)

    return make

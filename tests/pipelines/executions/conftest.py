"""Tiny real pipelines: steps of a few lines of Python, run by the embedded SageMaker."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pipelines.code import Bundle
from pipelines.executions.jobs import describe_step, jobs_of
from pipelines.executions.logs import last_lines
from pipelines.target import Target

BUCKET = "tiny-steps"
ROLE = "arn:aws:iam::123456789012:role/tiny"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tiny/training:1"


@dataclass
class Tiny:
    """Declares steps, and runs pipelines of them."""

    target: Target
    made: int = 0

    def code(self, text: str, name: str = "tiny") -> str:
        """Put the program of a step into the bucket under its hash, as upsert does; returns the folder's URI."""
        empty = ["steps/__init__.py", f"steps/{name}/__init__.py"]
        files = [*((each, b"") for each in empty), (f"steps/{name}/__main__.py", text.encode())]
        bundle = Bundle(name, tuple(sorted(files)))
        for name, content in bundle.files:
            self.target.s3.put_object(Bucket=BUCKET, Key=f"{bundle.prefix}/{name}", Body=content)
        return f"s3://{BUCKET}/{bundle.prefix}"

    def put(self, key: str, content: bytes) -> str:
        self.target.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/{key}"

    def processing(self, name: str, text: str, *arguments: str, data: str = "", instances: int = 1) -> dict[str, Any]:
        inputs = {"code": self.code(text), **({"data": data} if data else {})}
        return {
            "Name": name,
            "Type": "Processing",
            "Arguments": {
                "RoleArn": ROLE,
                "AppSpecification": {
                    "ImageUri": IMAGE,
                    "ContainerEntrypoint": ["python3", "-m", "steps.tiny"],
                    **({"ContainerArguments": list(arguments)} if arguments else {}),
                },
                "Environment": {
                    "PYTHONPATH": "/opt/ml/processing/input/code",
                    "PYTHONSAFEPATH": "1",
                    "GREETING": "hello from /opt/ml/processing",
                },
                "ProcessingResources": {
                    "ClusterConfig": {"InstanceCount": instances, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
                },
                "ProcessingInputs": [
                    {
                        "InputName": key,
                        "S3Input": {
                            "S3Uri": uri,
                            "LocalPath": f"/opt/ml/processing/input/{key}",
                            "S3DataType": "S3Prefix",
                            "S3InputMode": "File",
                        },
                    }
                    for key, uri in inputs.items()
                ],
                "ProcessingOutputConfig": {
                    "Outputs": [
                        {
                            "OutputName": "out",
                            "S3Output": {
                                "S3Uri": f"s3://{BUCKET}/out/{name}",
                                "LocalPath": "/opt/ml/processing/output/out",
                                "S3UploadMode": "EndOfJob",
                            },
                        }
                    ]
                },
            },
        }

    def training(self, text: str, data: str, checkpoints: str = "", **hyperparameters: str) -> dict[str, Any]:
        """Arguments of a training job, which runs by the `train` of the project's training image."""
        channels = {"code": self.code(text, "train"), "train": data}
        return {
            "RoleArn": ROLE,
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+);"}],
            },
            **({"HyperParameters": hyperparameters} if hyperparameters else {}),
            "Environment": {"PYTHONPATH": "/opt/ml/input/data/code", "PYTHONSAFEPATH": "1"},
            "InputDataConfig": [
                {
                    "ChannelName": name,
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
                }
                for name, uri in channels.items()
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "EnableNetworkIsolation": True,
            **({"CheckpointConfig": {"S3Uri": checkpoints}} if checkpoints else {}),
        }

    def create(self, *steps: dict[str, Any], parameters: tuple[dict[str, Any], ...] = ()) -> str:
        """Create a pipeline; returns its name."""
        self.made += 1
        name = f"tiny-steps-{self.made}"
        definition = {"Version": "2020-12-01", "Parameters": list(parameters), "Steps": list(steps)}
        self.target.sagemaker.create_pipeline(
            PipelineName=name,
            PipelineDefinition=json.dumps(definition),
            RoleArn=ROLE,
            ClientRequestToken=f"{name}{'0' * 32}",
        )
        return name

    def start(self, *steps: dict[str, Any]) -> str:
        """Start an execution of a new pipeline; returns its ARN."""
        name = self.create(*steps)
        return self.target.sagemaker.start_pipeline_execution(
            PipelineName=name, ClientRequestToken=f"{name}{'0' * 32}"
        )["PipelineExecutionArn"]

    def run(self, *steps: dict[str, Any]) -> str:
        """Run a new pipeline to its end; returns the execution's ARN."""
        execution = self.start(*steps)
        self.until(lambda: self.status(execution) not in ("Executing", "Stopping"))
        return execution

    def log(self, execution: str, step: str) -> str:
        """What the step has written so far."""
        described = describe_step(self.target, execution, step)
        jobs = [] if described is None else jobs_of(self.target, described)
        return "\n".join(line.text for line in last_lines(self.target, jobs, 100))

    def status(self, execution: str) -> str:
        described = self.target.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
        return described["PipelineExecutionStatus"]

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture(scope="module")
def tiny(target: Target) -> Tiny:
    target.s3.create_bucket(Bucket=BUCKET)
    return Tiny(target)

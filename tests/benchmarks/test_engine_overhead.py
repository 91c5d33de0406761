"""What the embedded SageMaker adds to a process: for a step that does nothing, and for 50 of them, ten side by side."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from rich.console import Console
from rich.table import Table

from pipelines.local import EmbeddedSageMaker

pytestmark = pytest.mark.benchmark

ROUNDS = 5
WIDTH = 10
ROLE = "arn:aws:iam::123456789012:role/tiny"
PROGRAM = [sys.executable, "-c", "pass"]
ARGUMENTS = {
    "RoleArn": ROLE,
    "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
    "AppSpecification": {"ImageUri": "1.dkr.ecr.us-east-1.amazonaws.com/any:1", "ContainerEntrypoint": PROGRAM},
}


@pytest.fixture(scope="module")
def sagemaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with EmbeddedSageMaker(state=tmp_path_factory.mktemp("state")) as aws:
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
        yield boto3.client("sagemaker", endpoint_url=aws.url, **keys)


def pipeline(sagemaker: Any, count: int) -> Callable[[], None]:
    """A pipeline of steps that do nothing, each after the one `WIDTH` before it; returns what runs it to its end."""
    steps = [
        {
            "Name": f"Step{number}",
            "Type": "Processing",
            "Arguments": ARGUMENTS,
            **({"DependsOn": [f"Step{number - WIDTH}"]} if number >= WIDTH else {}),
        }
        for number in range(count)
    ]
    definition = json.dumps({"Version": "2020-12-01", "Steps": steps})
    name = f"Steps{count}"
    sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=definition, RoleArn=ROLE)

    def run() -> None:
        arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
        status = "Executing"
        while status == "Executing":
            time.sleep(0.005)
            status = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
        assert status == "Succeeded"

    return run


def process() -> None:
    subprocess.run(PROGRAM, check=True)


def test_the_overhead_of_a_step(sagemaker: Any, rates: Any) -> None:
    candidates = {"the process itself": (process, 1), "a step": (pipeline(sagemaker, 1), 1)}
    candidates |= {"50 steps, ten at a time": (pipeline(sagemaker, 50), 50)}
    measured = rates({name: run for name, (run, _) in candidates.items()}, 1, ROUNDS)
    seconds = {name: statistics.median(1 / rate for rate in found) for name, found in measured.items()}
    table = Table(title=f"The embedded SageMaker, median of {ROUNDS} rounds", title_justify="left")
    for heading in ("", "seconds", "seconds per step", "x the process itself", "seconds per step above it"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, (_, steps) in candidates.items():
        each, alone = seconds[name] / steps, seconds["the process itself"]
        table.add_row(name, f"{seconds[name]:.3f}", f"{each:.3f}", f"{each / alone:.1f}", f"{each - alone:.3f}")
    Console(width=120).print(table)

"""The server killed in the middle of a job whose program has started a daemon: nothing is left running."""

import subprocess
import sys

import boto3
import pytest

from pipelines.local import Isolation

SERVE = """
import sys, time
from pathlib import Path
from pipelines.local import EmbeddedSageMaker, Isolation
with EmbeddedSageMaker(state=Path(sys.argv[1]), isolation=Isolation[sys.argv[2]]) as aws:
    print(aws.url, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("isolation", [each.name for each in Isolation])
def test_nothing_outlives_a_killed_server(bare_processing, isolation, tmp_path, until, sleeper):
    if isolation == "NAMESPACES" and Isolation.best() is Isolation.REWRITING:
        pytest.skip("no namespaces are granted here")
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE, tmp_path / "state", isolation], stdout=subprocess.PIPE, text=True
    )
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    client = boto3.client("sagemaker", endpoint_url=server.stdout.readline().strip(), **keys)
    daemon = f"setsid sh -c '{sleeper.command} & {sleeper.command}' & echo up > {tmp_path}/up; {sleeper.command}"
    client.create_processing_job(ProcessingJobName="daemon", **bare_processing(["sh", "-c", daemon]))
    until((tmp_path / "up").exists)
    assert sleeper.runs()
    server.kill()
    server.communicate()
    until(lambda: not sleeper.runs())

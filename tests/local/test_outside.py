"""The server as others meet it: from a second process, in the foreground, beside another program."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from pipelines.local import EmbeddedSageMaker, ServerError

AWS = Path(sys.executable).with_name("aws")


def aws(environment, *words):
    """Run the AWS CLI with nothing but the exported variables; returns what it printed."""
    basics = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "AWS_PAGER": ""}
    done = subprocess.run([AWS, *words], env={**basics, **environment}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def foreground(tmp_path, containers):
    """Start `python -m pipelines.local`; returns the process and the variables it printed."""
    processes = []

    def start(*options):
        words = ["--port", "0", "--state", tmp_path / "state", "--containers", containers, *options]
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.local", *map(str, words)], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        lines = [process.stdout.readline().strip() for _ in range(5)]
        assert process.stdout.readline().startswith("# jobs ")  # how they come to see their folder
        return process, dict(line.removeprefix("export ").split("=", 1) for line in lines)

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def client(service, environment):
    return boto3.client(
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
    )


def test_the_aws_cli_lists_steps_describes_the_training_job_and_copies_an_object(tiny, tmp_path):
    step = {"Name": "Train", "Type": "Training", "Arguments": tiny.training()}
    execution = tiny.run([step])
    environment = tiny.server.environment()

    arn = execution["PipelineExecutionArn"]
    steps = aws(environment, "sagemaker", "list-pipeline-execution-steps", "--pipeline-execution-arn", arn)
    (line,) = json.loads(steps)["PipelineExecutionSteps"]
    assert (line["StepName"], line["StepStatus"]) == ("Train", "Succeeded")
    job = line["Metadata"]["TrainingJob"]["Arn"].rsplit("/", 1)[-1]
    described = json.loads(aws(environment, "sagemaker", "describe-training-job", "--training-job-name", job))
    aws(environment, "s3", "cp", described["ModelArtifacts"]["S3ModelArtifacts"], str(tmp_path / "model.tar.gz"))
    assert (tmp_path / "model.tar.gz").stat().st_size > 0


def test_a_plain_s3_client_in_another_language_reads_and_writes(tiny):
    obstore = pytest.importorskip("obstore", reason="obstore is part of the extra `processing`")
    from obstore.store import S3Store

    store = S3Store(
        tiny.bucket,
        endpoint=tiny.server.url,
        access_key_id="any",
        secret_access_key="any",
        region="us-east-1",
        client_options={"allow_http": True},
    )
    obstore.put(store, "plain/a b.txt", b"hello")
    assert bytes(obstore.get(store, "plain/a b.txt").bytes()) == b"hello"
    assert [item["path"] for batch in obstore.list(store, "plain") for item in batch] == ["plain/a b.txt"]


def test_the_foreground_program_prints_exports_and_ends_on_sigterm_leaving_no_child(
    foreground, bare_processing, until, sleeper
):
    process, environment = foreground()
    assert json.loads(aws(environment, "sagemaker", "list-pipelines")) == {"PipelineSummaries": []}
    arguments = bare_processing(["sh", "-c", sleeper.command])
    client("sagemaker", environment).create_processing_job(ProcessingJobName="sleeps", **arguments)
    until(sleeper.runs)
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert not sleeper.runs()
    assert "sleeps started" in rest
    assert "sleeps Stopped" in rest


def test_a_port_in_use_is_one_sentence_and_exit_code_1(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.local", "--port", str(port), "--state", tmp_path],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.strip().count("\n") == 0
        assert f"port {port}" in done.stderr


def test_a_second_server_in_one_process_is_refused_while_one_runs(tiny, tmp_path):
    with pytest.raises(ServerError, match="runs in this process already"):
        EmbeddedSageMaker(state=tmp_path).start()


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_a_port_that_is_none_is_refused_in_a_line(port: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.local", f"--port={port}"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert f"{port!r} is no port: give a number from 0 to 65535" in done.stderr
    assert "Traceback" not in done.stderr

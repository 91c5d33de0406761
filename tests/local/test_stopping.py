"""Ctrl-C at the server in the foreground."""

import signal
import subprocess
import sys

import boto3


def test_a_second_ctrl_c_ends_the_server_and_what_runs_without_waiting(bare_processing, tmp_path, until, sleeper):
    words = ["-m", "pipelines.local", "--port", "0", "--state", tmp_path / "state"]
    server = subprocess.Popen([sys.executable, *map(str, words)], stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip().split("=", 1)[1]
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
        client = boto3.client("sagemaker", endpoint_url=url, **keys)
        program = f"trap '' TERM; echo up > {tmp_path}/up; {sleeper.command}"
        client.create_processing_job(ProcessingJobName="stubborn", **bare_processing(["sh", "-c", program]))
        until((tmp_path / "up").exists)
        server.send_signal(signal.SIGINT)
        assert any("stopping" in line for line in server.stdout)
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
        assert server.returncode == 130
    finally:
        server.kill()
        server.communicate()
    until(lambda: not sleeper.runs())

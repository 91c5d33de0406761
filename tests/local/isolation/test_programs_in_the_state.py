"""Containers may lie in the state folder itself, as with `--state .`: what jobs need of it they see."""

import boto3

from pipelines.local import EmbeddedSageMaker


def test_a_program_that_lies_in_the_state_folder_runs(tmp_path, until, bare_processing):
    program = tmp_path / "containers" / "any" / "bin" / "greet"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    with EmbeddedSageMaker(state=tmp_path, containers=tmp_path / "containers") as server:
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
        sagemaker = boto3.client("sagemaker", endpoint_url=server.url, **keys)
        sagemaker.create_processing_job(ProcessingJobName="greeting", **bare_processing(["greet"]))

        def described():
            return sagemaker.describe_processing_job(ProcessingJobName="greeting")

        until(lambda: described()["ProcessingJobStatus"] != "InProgress")
        assert described()["ProcessingJobStatus"] == "Completed", described()
    assert (tmp_path / "jobs" / "greeting" / "log").read_text() == "hello\n"

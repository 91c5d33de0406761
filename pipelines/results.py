"""What jobs left in S3."""

import io
import json
import tarfile
from typing import Any
from urllib.parse import urlsplit

from pipelines.errors import PipelineError
from pipelines.target import Target

LARGEST_REPORT_BYTES = 64 * 2**20


def processing_output(target: Target, execution: str, step: str, output: str) -> str:
    """S3 folder of an output of a processing step in an execution.

    Raises:
        PipelineError: the step did not run, or has no such output.
    """
    pages = target.sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=execution)
    steps = {found["StepName"]: found for page in pages for found in page["PipelineExecutionSteps"]}
    arn = steps.get(step, {}).get("Metadata", {}).get("ProcessingJob", {}).get("Arn")
    if not arn:
        raise PipelineError(f"step {step} of {execution} has no processing job")
    job = target.sagemaker.describe_processing_job(ProcessingJobName=arn.rsplit("/", 1)[-1])
    uris = {found["OutputName"]: found["S3Output"]["S3Uri"] for found in job["ProcessingOutputConfig"]["Outputs"]}
    if output not in uris:
        raise PipelineError(f"step {step} has no output {output!r}; it has {', '.join(uris)}")
    return uris[output]


def read_json(target: Target, uri: str) -> dict[str, Any]:
    """A JSON object in S3.

    Raises:
        PipelineError: it is not there, or no JSON object.
    """
    try:
        content = json.loads(download(target, uri))
    except json.JSONDecodeError as error:
        raise PipelineError(f"{uri} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise PipelineError(f"{uri} holds no JSON object")
    return content


def download(target: Target, uri: str) -> bytes:
    """The content of an object in S3.

    Raises:
        PipelineError: it is not there.
    """
    parts = urlsplit(uri)
    try:
        return target.s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read()
    except (target.s3.exceptions.NoSuchKey, target.s3.exceptions.NoSuchBucket):
        raise PipelineError(f"{uri} does not exist") from None


def training_report(target: Target, training_job: str) -> bytes:
    """training.html, which a training job of ours leaves in its output.

    Args:
        target: where the job ran.
        training_job: its ARN.

    Raises:
        PipelineError: the job left no output, or none with that file.
    """
    job = target.sagemaker.describe_training_job(TrainingJobName=training_job.rsplit("/", 1)[-1])
    uri = f"{job['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job['TrainingJobName']}/output/output.tar.gz"
    try:
        with tarfile.open(fileobj=io.BytesIO(download(target, uri))) as archive:
            member = archive.extractfile("training.html")
            content = member.read(LARGEST_REPORT_BYTES) if member else b""
    except (tarfile.TarError, KeyError, OSError, EOFError) as error:
        raise PipelineError(f"{uri} holds no training.html: {error}") from None
    return content

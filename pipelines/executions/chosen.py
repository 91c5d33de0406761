"""The execution that a user means: by its ARN, the last part of it, or as the latest."""

from collections.abc import Iterator
from itertools import islice

from botocore.exceptions import ClientError

from pipelines.errors import PipelineError
from pipelines.operations import latest_execution
from pipelines.target import Target

LATEST = "latest"
NAMED = 5
"""Executions that an error names, the newest."""


def chosen_execution(target: Target, pipeline: str, given: str = "") -> str:
    """ARN of an execution.

    Args:
        target: where it runs or ran.
        pipeline: whose executions are looked through.
        given: an ARN, of another pipeline's execution too; the last part of one; `latest`, or nothing, for the one
            started last.

    Raises:
        PipelineError: there is no such execution, or no such pipeline; the text names those there are.
    """
    if given in ("", LATEST):
        return latest_execution(target, pipeline)
    found = _by_arn(target, given) if given.startswith("arn:") else _by_last_part(target, pipeline, given)
    if found is None:
        latest_execution(target, pipeline)  # tells of a pipeline that has none, or that is not there
        known = [arn.rpartition("/")[2] for arn in islice(_executions(target, pipeline), NAMED)]
        raise PipelineError(
            f"there is no execution {given!r} of pipeline {pipeline}: give {LATEST}, or one of {', '.join(known)}"
        )
    return found


def _by_arn(target: Target, arn: str) -> str | None:
    try:
        return target.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionArn"]
    except ClientError as error:
        if error.response["Error"].get("Code") in ("ResourceNotFound", "ValidationException"):
            return None
        raise


def _by_last_part(target: Target, pipeline: str, name: str) -> str | None:
    try:
        return next((arn for arn in _executions(target, pipeline) if arn.rpartition("/")[2] == name), None)
    except target.sagemaker.exceptions.ResourceNotFound:
        return None


def _executions(target: Target, pipeline: str) -> Iterator[str]:
    """ARNs of the pipeline's executions, newest first."""
    pages = target.sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending"
    )
    return (each["PipelineExecutionArn"] for page in pages for each in page["PipelineExecutionSummaries"])

"""Stop an execution, and wait until nothing of it runs any more."""

from collections.abc import Callable
from uuid import uuid4

from pipelines.deployed import deployed_pipeline
from pipelines.progress import ENDED, Progress, follow, read_progress
from pipelines.target import Target


def running_execution(target: Target, pipeline: str) -> str | None:
    """ARN of the execution started last of those that have not ended; None where all have.

    Raises:
        PipelineError: there is no such pipeline.
    """
    deployed_pipeline(target, pipeline)
    pages = target.sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending"
    )
    found = (each for page in pages for each in page["PipelineExecutionSummaries"])
    return next((each["PipelineExecutionArn"] for each in found if each["PipelineExecutionStatus"] not in ENDED), None)


def stop(target: Target, execution: str, report: Callable[[str], None], interval_seconds: float = 2.0) -> Progress:
    """Stop an execution, wait for its end, and tell which steps were stopped; one that has ended is left alone.

    Its jobs get SIGTERM and two minutes to end by themselves, so this takes as long. An interrupted wait changes
    nothing: the execution stops all the same.

    Args:
        target: where it runs.
        execution: its ARN.
        report: told in a line what happens.
        interval_seconds: between two looks.

    Returns:
        how it ended; that is Succeeded or Failed where it did so before it could be stopped.
    """
    before = read_progress(target, execution)
    if before.ended:
        report(f"nothing to stop: {execution} has ended as {before.status}")
        return before
    if before.status != "Stopping":
        target.sagemaker.stop_pipeline_execution(PipelineExecutionArn=execution, ClientRequestToken=uuid4().hex)
    report(f"stopping {execution} ...")
    ended = follow(target, execution, lambda _: None, interval_seconds)
    for step in ended.steps:
        if step.status == "Stopped":
            report(f"stopped {step.name} after {step.seconds:.0f} s{f' ({step.made})' if step.made else ''}")
    report(f"{ended.status} {execution}")
    return ended

"""Take the stack away: what goes, what stays, and with the data only when asked for."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console

from pipelines.config import Config
from pipelines.endpoints import describe_endpoint
from pipelines.errors import PipelineError
from pipelines.stack.data import Data, find_data, remove_data
from pipelines.stack.following import first_failure, follow, latest_event
from pipelines.stack.found import FoundStack, find_stack
from pipelines.target import Target

ALIVE = {"Executing", "Stopping"}
STAYING = {
    "AWS::ECR::Repository": "images",
    "AWS::KMS::Key": "key",
    "AWS::S3::Bucket": "bucket",
    "AWS::S3::BucketPolicy": "bucket's policy",
    "AWS::SageMaker::ModelPackageGroup": "registered models",
}
"""Types whose resources the template has CloudFormation retain."""


def delete_stack(target: Target, config: Config, console: Console, *, with_data: bool = False) -> None:
    """Remove the stack of a pipeline; bucket, key, registered models, images and the pipeline stay.

    Args:
        target: where.
        config: the configuration, as `Config.placed` answers it.
        console: where to tell what goes and what stays.
        with_data: also empty and remove the bucket, and have its key deleted after 30 days; neither where another
            stack uses it, or this one has not made it. Registered models, which then have no artifacts, and images
            stay.

    Raises:
        PipelineError: an endpoint or an execution of the pipeline is alive, or something cannot be removed.
    """
    cloudformation = target.client("cloudformation")
    found = find_stack(cloudformation, config.name)
    pipelines = _pipelines(target, config)
    _refuse_while_alive(target, config, pipelines)
    key = found.outputs.get("KeyArn", "") if found else ""
    # Looked at while the stack is there: what is refused then leaves nothing half done.
    data = find_data(target, config, key) if with_data else Data("", "", ())
    for line in data.staying:
        console.print(f"  stays: {line}", soft_wrap=True, markup=False)
    if found is None:
        console.print(f"there is no stack {config.name}", soft_wrap=True)
    else:
        for line in (*_staying(cloudformation, found, with_data), *(f"pipeline {name}" for name in pipelines)):
            console.print(f"  stays: {line}", soft_wrap=True, markup=False)
        _remove(cloudformation, config.name, found, console)
    remove_data(target, data, console)


def _pipelines(target: Target, config: Config) -> list[str]:
    """The pipeline and its audit's, as far as they are there."""
    pages = target.sagemaker.get_paginator("list_pipelines").paginate(PipelineNamePrefix=config.name)
    there = {each["PipelineName"] for page in pages for each in page["PipelineSummaries"]}
    return sorted(there & {config.name, f"{config.name}-audit"})


def _refuse_while_alive(target: Target, config: Config, pipelines: list[str]) -> None:
    if config.deploy and describe_endpoint(target, config.deploy.endpoint):
        raise PipelineError(
            f"the endpoint {config.deploy.endpoint} is there still, and what watches over it would go: remove it first "
            "with `make teardown`"
        )
    for pipeline in pipelines:
        pages = target.sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=pipeline)
        executions = (each for page in pages for each in page["PipelineExecutionSummaries"])
        alive = [each for each in executions if each["PipelineExecutionStatus"] in ALIVE]
        if alive:
            arn = alive[0]["PipelineExecutionArn"]
            raise PipelineError(
                f"{arn} is {alive[0]['PipelineExecutionStatus']}, and its roles would go: wait for its end, or stop it "
                "with `make stop`"
            )


def _staying(cloudformation: Any, found: FoundStack, with_data: bool) -> Iterator[str]:
    removed = {"AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::KMS::Key"} if with_data else set()
    for each in cloudformation.describe_stack_resources(StackName=found.id)["StackResources"]:
        kind = each["ResourceType"]
        if kind in STAYING and kind not in removed and each["ResourceStatus"] != "DELETE_COMPLETE":
            yield f"{STAYING[kind]} {each.get('PhysicalResourceId', each['LogicalResourceId'])}"


def _remove(cloudformation: Any, name: str, found: FoundStack, console: Console) -> None:
    before = latest_event(cloudformation, found.id)
    cloudformation.delete_stack(StackName=found.id)
    ended = follow(cloudformation, found.id, before, console)
    if ended.status != "DELETE_COMPLETE":
        why = first_failure(cloudformation, found.id, before) or ended.reason or "CloudFormation gives no reason"
        raise PipelineError(f"stack {name} is {ended.status}, since {why}; put that right and say it again")
    console.print(f"removed the stack {name}", soft_wrap=True)

"""The pipeline as it is deployed."""

from typing import Any

from pipelines.errors import PipelineError
from pipelines.target import Target


def find_pipeline(target: Target, name: str) -> Any:
    """The answer of DescribePipeline; None where there is no such pipeline."""
    try:
        return target.sagemaker.describe_pipeline(PipelineName=name)
    except target.sagemaker.exceptions.ResourceNotFound:
        return None


def deployed_pipeline(target: Target, name: str) -> Any:
    """The answer of DescribePipeline.

    Raises:
        PipelineError: there is no such pipeline.
    """
    found = find_pipeline(target, name)
    if found is None:
        raise PipelineError(
            f"there is no pipeline {name} in account {target.account}, region {target.region}: "
            "put it up with `make upsert-pipeline`"
        )
    return found

"""The endpoint: how it stands, and the calls that change it; each may be repeated, or made by two at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from steps.deploy.plan import Plan

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

ASKED_FOR = "deployment"
"""Tag of an endpoint: the configuration that it was last told to take, which tells a failed update from a new wish."""

_SETTLED = ("InService", "Failed", "UpdateRollbackFailed")
_POLL_SECONDS = 1.0
_LONGEST_DELETION_SECONDS = 120.0


class DeletionError(Exception):
    """An endpoint that is being deleted does not go away; Lambda calls the function again."""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint at one moment.

    Attributes:
        name: the endpoint's.
        arn: its ARN.
        status: EndpointStatus of SageMaker's API.
        config: name of the configuration that answers.
        asked_for: name of the configuration that it was last told to take.
        serverless: whether the variant that answers is serverless.
        reason: why it, or its last update, failed; empty where it did not.
    """

    name: str
    arn: str
    status: str
    config: str
    asked_for: str
    serverless: bool
    reason: str

    @property
    def busy(self) -> bool:
        """Whether SageMaker is doing something to it."""
        return self.status not in _SETTLED


def find_endpoint(sagemaker: "SageMakerClient", name: str) -> Endpoint | None:
    """The endpoint of this name; None where there is none, or one that is about to be gone."""
    try:
        found: Any = sagemaker.describe_endpoint(EndpointName=name)
        pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=found["EndpointArn"])
        tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    except ClientError as error:
        # It may go between the two calls, and SageMaker has another code for tags of what is not there.
        if _says(error, "could not find") or error.response["Error"].get("Code") == "ResourceNotFound":
            return None
        raise
    variants = found.get("ProductionVariants", [])
    return Endpoint(
        name=name,
        arn=found["EndpointArn"],
        status=found["EndpointStatus"],
        config=found["EndpointConfigName"],
        asked_for=tags.get(ASKED_FOR, ""),
        serverless=any("CurrentServerlessConfig" in variant for variant in variants),
        reason=found.get("FailureReason", ""),
    )


def prepare(sagemaker: "SageMakerClient", plan: Plan, tags: list[dict[str, str]]) -> None:
    """Have the model and the configuration of a plan; they may be there already."""
    labelled: Any = {"Tags": tags}
    _unless_there(lambda: sagemaker.create_model(**plan.model, **labelled))
    _unless_there(lambda: sagemaker.create_endpoint_config(**plan.config, **labelled))


def create(sagemaker: "SageMakerClient", name: str, plan: Plan) -> bool:
    """Begin to create the endpoint; False where somebody else has just done so."""
    tags: Any = [{"Key": ASKED_FOR, "Value": plan.name}]
    return _unless_there(lambda: sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=plan.name, Tags=tags))


def update(sagemaker: "SageMakerClient", endpoint: Endpoint, plan: Plan) -> bool:
    """Begin to move the endpoint to a plan; False where somebody else has just begun to change it."""
    options: Any = {}
    if plan.rollout:
        options["DeploymentConfig"] = plan.rollout
        if not endpoint.serverless:  # as many instances as autoscaling has made of them
            options["RetainAllVariantProperties"] = True
            options["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": "DataCaptureConfig"}]
    try:
        sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=plan.name, **options)
    except ClientError as error:
        if _says(error, "in-progress"):
            return False
        raise
    # Only now: where another update was begun first, this one has not been tried.
    sagemaker.add_tags(ResourceArn=endpoint.arn, Tags=[{"Key": ASKED_FOR, "Value": plan.name}])
    return True


def remove(sagemaker: "SageMakerClient", endpoint: Endpoint) -> None:
    """Delete the endpoint, or let its deletion end, and wait until its name is free.

    Raises:
        DeletionError: it is there still after two minutes.
    """
    if endpoint.status != "Deleting":
        sagemaker.delete_endpoint(EndpointName=endpoint.name)
    deadline = time.monotonic() + _LONGEST_DELETION_SECONDS
    while find_endpoint(sagemaker, endpoint.name):
        if time.monotonic() > deadline:
            raise DeletionError(f"the endpoint {endpoint.name} is being deleted for {_LONGEST_DELETION_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)


def _unless_there(call: Callable[[], object]) -> bool:
    """Create something; False where it exists."""
    try:
        call()
    except ClientError as error:
        if _says(error, "already exist"):
            return False
        raise
    return True


def _says(error: ClientError, words: str) -> bool:
    """Whether SageMaker refused a call with these words: it has the code ValidationException for all of them."""
    refusal = error.response["Error"]
    return refusal.get("Code") == "ValidationException" and words in refusal.get("Message", "").lower()

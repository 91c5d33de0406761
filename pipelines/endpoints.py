"""The endpoint as its users see it: what answers there, and what it says about a photo."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from pipelines.config import Config
from pipelines.errors import PipelineError
from pipelines.target import Target
from pipelines.text import one_line


@dataclass(frozen=True)
class Variant:
    """What answers a share of the requests.

    Attributes:
        version: of the model package; None where it cannot be told.
        share: of the requests.
        hosting: instances, or serverless, in words.
    """

    version: int | None
    share: float
    hosting: str


@dataclass(frozen=True)
class EndpointNow:
    """An endpoint at one moment.

    Attributes:
        name: the endpoint's.
        status: EndpointStatus of SageMaker's API.
        reason: why it, or its last update, failed; empty where it did not.
        variants: what answers.
        coming: version that it is being updated to; None where it is not.
        captured: share of the requests that are kept, percent.
    """

    name: str
    status: str
    reason: str
    variants: tuple[Variant, ...]
    coming: int | None
    captured: int


def endpoint_name(config: Config) -> str:
    """The endpoint's name.

    Raises:
        PipelineError: the preset deploys nothing.
    """
    if config.deploy is None:
        raise PipelineError(f"pipeline {config.name} deploys nothing: give its preset a section [deploy]")
    return config.deploy.endpoint


def describe_endpoint(target: Target, name: str) -> EndpointNow | None:
    """How the endpoint stands; None where there is none."""
    try:
        found: Any = target.sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if "could not find" in error.response["Error"].get("Message", "").lower():
            return None
        raise
    versions = _versions(target, found["EndpointConfigName"])
    variants = found.get("ProductionVariants", [])
    total = sum(variant.get("CurrentWeight", 0) for variant in variants) or 1
    pending = found.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
    capture = found.get("DataCaptureConfig", {})
    return EndpointNow(
        name=name,
        status=found["EndpointStatus"],
        reason=found.get("FailureReason", ""),
        variants=tuple(
            Variant(versions.get(each["VariantName"]), each.get("CurrentWeight", 0) / total, _hosting(each))
            for each in variants
        ),
        coming=next(iter(_versions(target, pending).values()), None) if pending else None,
        captured=capture.get("CurrentSamplingPercentage", 0) if capture.get("EnableCapture") else 0,
    )


def invoke(target: Target, name: str, image: Path, expected: int | None) -> dict[str, Any]:
    """Ask the endpoint about a photo.

    Args:
        target: where the endpoint is.
        name: the endpoint's.
        image: the photo's file.
        expected: quantity that the records name; the answer then holds a verdict.

    Raises:
        PipelineError: there is no such endpoint, or it refuses the photo.
    """
    body, kind = image.read_bytes(), "application/x-image"
    if expected is not None:
        question = {"image": base64.b64encode(body).decode(), "expected_quantity": expected}
        body, kind = json.dumps(question).encode(), "application/json"
    runtime = target.client("sagemaker-runtime")
    try:
        answer = runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType=kind, Accept="application/json")
    except ClientError as error:
        raise PipelineError(_refusal(error, name)) from None
    found: dict[str, Any] = json.loads(answer["Body"].read())
    return found


def _versions(target: Target, configuration: str) -> dict[str, int]:
    """The package version of each variant of an endpoint configuration, as far as it can be told."""
    versions: dict[str, int] = {}
    try:
        found = target.sagemaker.describe_endpoint_config(EndpointConfigName=configuration)
        for variant in found["ProductionVariants"]:
            model: Any = target.sagemaker.describe_model(ModelName=variant["ModelName"])
            number = model.get("PrimaryContainer", {}).get("ModelPackageName", "").rpartition("/")[2]
            if number.isdigit():
                versions[variant["VariantName"]] = int(number)
    except ClientError:  # deleted by hand: the endpoint answers all the same
        return versions
    return versions


def _hosting(variant: Any) -> str:
    serverless = variant.get("CurrentServerlessConfig")
    if serverless:
        return f"serverless, {serverless['MemorySizeInMB']} MB, {serverless['MaxConcurrency']} at once"
    count = variant.get("CurrentInstanceCount", 0)
    return f"{count} instance{'' if count == 1 else 's'}"


def _refusal(error: ClientError, name: str) -> str:
    response: Any = error.response
    message = response["Error"].get("Message", "")
    if "not found" in message.lower() or "could not find" in message.lower():
        return f"there is no endpoint {name} yet: approve a model with `make approve`, then look at `make endpoint`"
    if "OriginalMessage" in response:
        status, told = response.get("OriginalStatusCode", 0), _told(response["OriginalMessage"])
        if 400 <= status < 500:
            return f"the endpoint {name} refuses the photo: {told}"
        return f"the endpoint {name} does not answer ({status}): {told}"
    return f"the endpoint {name} does not answer ({response['Error'].get('Code')}): {message}"


def _told(message: str) -> str:
    """What the container says; our own answers {"error": ...}."""
    try:
        return one_line(str(json.loads(message)["error"]))
    except (ValueError, TypeError, KeyError):
        return one_line(message)

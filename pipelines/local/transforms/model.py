"""Finds the container that serves a model."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from pipelines.local.aws import Json, invalid
from pipelines.local.connection import Connection
from pipelines.local.jobs.job import unsupported


def container_of(model_name: str, connection: Connection) -> Json:
    """The container definition of a model: image, model data, environment.

    Raises:
        ApiError: there is no such model, or it is of several containers.
    """
    try:
        model = connection.sagemaker.describe_model(ModelName=model_name)
        containers: list[Any] = model.get("Containers") or [model.get("PrimaryContainer", {})]
        if len(containers) > 1:
            raise unsupported(f"the inference pipeline of the model '{model_name}'; use a model of one container")
        definition: Json = dict(containers[0])
        package = definition.get("ModelPackageName")
        if package is None:
            return definition
        described = connection.sagemaker.describe_model_package(ModelPackageName=package)
    except ClientError as error:
        raise invalid(error.response["Error"]["Message"]) from error
    offered: Json = dict(described["InferenceSpecification"]["Containers"][0])
    environment = {**offered.get("Environment", {}), **definition.get("Environment", {})}
    return {**offered, "Environment": environment}

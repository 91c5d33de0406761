"""Completes model registry calls on their way to moto, which would lose what AWS keeps.

Moto keeps groups, versions, metrics and approval states. But its UpdateModelPackage clears each field that a
request leaves out, so that approving a model would wipe its metadata; its CreateModelPackageGroup replaces a
group that exists; and both drop a few fields, which are refused here instead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from botocore.exceptions import ClientError

from pipelines.local.aws import Json, invalid
from pipelines.local.connection import Connection

_LOST = ("SourceUri", "ModelCard", "ModelLifeCycle", "SecurityConfig", "ManagedStorageType")
_LOST_IN_UPDATES = (*_LOST, "InferenceSpecification", "ModelPackageRegistrationType")
_KEPT = ("ModelApprovalStatus", "ApprovalDescription")


class Registry:
    """Amendments to registry calls.

    Args:
        connection: where the registry's present state is read.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def amendments(self) -> Mapping[str, Callable[[Json], Json]]:
        """The amended calls, by name."""
        return {
            "CreateModelPackage": lambda request: _without(_LOST, request),
            "UpdateModelPackage": self._update,
            "CreateModelPackageGroup": self._create_group,
            "DeleteModelPackage": _as_it_is,
            "DeleteModelPackageGroup": _as_it_is,
        }

    def _update(self, request: Json) -> Json:
        """Fill in the fields that the request does not mention; metadata properties are merged."""
        _without(_LOST_IN_UPDATES, request)
        try:
            present = self._connection.sagemaker.describe_model_package(ModelPackageName=request["ModelPackageArn"])
        except ClientError as error:
            raise invalid(f"The model package {request['ModelPackageArn']} does not exist.") from error
        kept = {field: present[field] for field in _KEPT if field in present}  # type: ignore[literal-required]
        properties = {
            **present.get("CustomerMetadataProperties", {}),
            **request.get("CustomerMetadataProperties", {}),
        }
        return {**kept, **request, "CustomerMetadataProperties": properties}

    def _create_group(self, request: Json) -> Json:
        name = request["ModelPackageGroupName"]
        try:
            self._connection.sagemaker.describe_model_package_group(ModelPackageGroupName=name)
        except ClientError:
            return request
        raise invalid(f"Model Package Group {name} already exists.")


def _as_it_is(request: Json) -> Json:
    return request  # once its shape has been checked


def _without(lost: Collection[str], request: Json) -> Json:
    """The request, if it has none of the fields that would be lost."""
    found = [field for field in lost if field in request]
    if found:
        raise invalid(f"The embedded SageMaker does not keep {', '.join(found)} of a model package: leave it out.")
    return request

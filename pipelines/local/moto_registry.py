"""Teaches moto's model registry what it lacks: deleting, and version numbers that are never given twice."""

from __future__ import annotations

from typing import Any

import moto.sagemaker.models
from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import ConflictException, ValidationError
from moto.sagemaker.models import ModelPackage, sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse


class _NumberedPackage(ModelPackage):
    """A package whose version follows the last that its group ever had; moto counts those that are left."""

    def __init__(self, **fields: Any) -> None:
        group = fields["model_package_group_name"]
        if group is not None:
            backend = sagemaker_backends[fields["account_id"]][fields["region_name"]]
            numbering: Any = backend.model_package_groups[group]
            numbering.last_version = getattr(numbering, "last_version", 0) + 1
            fields["model_package_version"] = numbering.last_version
        super().__init__(**fields)


def _delete_model_package(self: SageMakerResponse) -> ActionResult:
    backend, name = self.sagemaker_backend, self._get_param("ModelPackageName")
    package = backend.describe_model_package(name)
    if package.model_package_version is not None and name != package.arn:
        raise ValidationError(message=f"A version is deleted by its ARN, such as {package.arn}, not by {name}.")
    del backend.model_packages[package.arn]
    names = backend.model_package_name_mapping
    for each in [each for each, arn in names.items() if arn == package.arn]:
        del names[each]
    return EmptyResult()


def _delete_model_package_group(self: SageMakerResponse) -> ActionResult:
    backend, name = self.sagemaker_backend, self._get_param("ModelPackageGroupName").rpartition("/")[2]
    group = backend.describe_model_package_group(name)
    if any(package.model_package_group_name == name for package in backend.model_packages.values()):
        raise ConflictException(f"The model package group {group.arn} has model packages: delete them first.")
    del backend.model_package_groups[name]
    return EmptyResult()


def install() -> None:
    """Add this to moto, in this process and for good. Moto finds what answers a call by its name."""
    models: Any = moto.sagemaker.models
    models.ModelPackage = _NumberedPackage
    responses: Any = SageMakerResponse
    responses.delete_model_package = _delete_model_package
    responses.delete_model_package_group = _delete_model_package_group

"""Announces what happens to model packages, which moto keeps without telling anybody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pipelines.local.announcements import Announcement, Announcements
from pipelines.local.aws import Json, iso_time
from pipelines.local.connection import Connection
from pipelines.local.gateway import Follow

_DETAIL_TYPE = "SageMaker Model Package State Change"
# Those of DescribeModelPackage that AWS's example of the event shows, and those that its users rely on.
_FIELDS = (
    "ModelPackageName",
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "InferenceSpecification",
    "ModelPackageStatus",
    "ModelPackageStatusDetails",
    "CertifyForMarketplace",
    "ModelApprovalStatus",
    "ApprovalDescription",
    "MetadataProperties",
    "ModelMetrics",
    "LastModifiedTime",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "Domain",
    "Task",
)


class PackageFollower:
    """Follows the registry's calls.

    Args:
        connection: where the package's present state is read.
        announcements: hears of each change.
    """

    def __init__(self, connection: Connection, announcements: Announcements) -> None:
        self._connection = connection
        self._announcements = announcements

    def followers(self) -> Mapping[str, Follow]:
        """The calls that this follows, by name."""
        return {
            "CreateModelPackage": lambda _, answer: self._announce(answer, {}),
            "UpdateModelPackage": lambda request, answer: self._announce(
                answer, {"UpdatedModelPackageFields": [name for name in request if name != "ModelPackageArn"]}
            ),
        }

    def _announce(self, answer: Json, more: Json) -> None:
        arn = answer["ModelPackageArn"]
        described = dict(self._connection.sagemaker.describe_model_package(ModelPackageName=arn))
        detail = {name: _plain(described[name]) for name in _FIELDS if name in described}
        self._announcements.announce(Announcement(_DETAIL_TYPE, arn, {**detail, **more}))


def _plain(value: object) -> object:
    """AWS shows the times of this event in ISO 8601."""
    return iso_time(value.timestamp()) if isinstance(value, datetime) else value

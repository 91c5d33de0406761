"""The calls of AWS's API about models: named containers with their data."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.local.announcements import Announcements
from pipelines.local.aws import Action, Json, invalid, present
from pipelines.local.connection import Connection
from pipelines.local.hosting.catalogue import Catalogue, Kind
from pipelines.local.jobs.job import check_unique
from pipelines.local.s3 import Location
from pipelines.local.store import Store

_MODELS = Kind("Model", "model", "model", "SageMaker Model State Change")
_ON_AWS_ONLY = ("AdditionalModelDataSources", "MultiModelConfig")


class Models:
    """Keeps models, also over a restart of the server.

    Args:
        connection: where model packages and model data are.
        store: where models are kept.
        announcements: is told of every model that comes or goes.
    """

    def __init__(self, connection: Connection, store: Store, announcements: Announcements) -> None:
        self._connection = connection
        self._models = Catalogue(_MODELS, store, announcements)
        self.tags = self._models.tags

    def actions(self) -> dict[str, Action]:
        """The calls that this answers, by name."""
        return {
            "CreateModel": self.create,
            "DescribeModel": self.describe,
            "DeleteModel": self._models.delete,
            "ListModels": self._models.list_all,
        }

    def create(self, request: Json) -> Json:
        """The answer of CreateModel.

        Raises:
            ApiError: the name is taken, or a container cannot be run here.
        """
        return self._models.add(request, Containers=self._resolve(request))

    def describe(self, request: Json) -> Json:
        """The answer of DescribeModel."""
        return self._models.describe(request)

    def containers(self, name: str) -> list[Json]:
        """The container definitions of a model, those of a model package in the place of its name.

        Each holds the model's ExecutionRoleArn as well, where it has one.

        Raises:
            ApiError: there is no such model.
        """
        kept = self._models.get(name)
        role = present({"ExecutionRoleArn": kept["Request"].get("ExecutionRoleArn")})
        return [{**each, **role} for each in kept["Containers"]]

    def _resolve(self, request: Json) -> list[Json]:
        """The containers of a request, checked, with what their model packages say."""
        if ("PrimaryContainer" in request) == bool(request.get("Containers")):
            raise invalid("A model needs either a PrimaryContainer or Containers.")
        if request.get("InferenceExecutionConfig", {}).get("Mode") == "Direct":
            raise invalid("The embedded SageMaker does not support InferenceExecutionConfig.Mode Direct; use Serial.")
        given = [request["PrimaryContainer"]] if "PrimaryContainer" in request else request["Containers"]
        containers = [found for each in given for found in self._of_package(each)]
        check_unique((each["ContainerHostname"] for each in containers if "ContainerHostname" in each), "containers")
        for container in containers:
            self._check(container)
        return containers

    def _of_package(self, container: Json) -> list[Json]:
        """What a container definition stands for: itself, or the containers of its model package."""
        name = container.get("ModelPackageName")
        if name is None:
            return [container]
        try:
            package = self._connection.sagemaker.describe_model_package(ModelPackageName=name)
        except ClientError as error:
            raise invalid(f"Could not find model package {name}: {error.response['Error']['Message']}") from error
        status = package.get("ModelApprovalStatus", "Approved")  # an unversioned package needs no approval
        if status != "Approved":
            raise invalid(f"Cannot create a model from the model package {name}: it is {status}, not Approved.")
        described = package.get("InferenceSpecification", {"Containers": []})["Containers"]
        if not described:
            raise invalid(f"The model package {name} has no InferenceSpecification with containers.")
        fields = ("Image", "ModelDataUrl", "ModelDataSource", "ContainerHostname")
        own = container.get("Environment", {})
        return [
            {
                **{field: value for field, value in each.items() if field in fields},
                "Environment": {**each.get("Environment", {}), **own},
            }
            for each in described
        ]

    def _check(self, container: Json) -> None:
        refused = [field for field in _ON_AWS_ONLY if field in container]
        if container.get("Mode", "SingleModel") != "SingleModel":
            refused.append("Mode MultiModel")
        if refused:
            raise invalid(f"The embedded SageMaker does not support {', '.join(refused)} of a container.")
        if "Image" not in container:
            raise invalid("A container needs an Image or a ModelPackageName.")
        source = container.get("ModelDataSource", {}).get("S3DataSource", {})
        uri = source.get("S3Uri", container.get("ModelDataUrl"))
        if uri is not None and not uri.startswith("s3://"):
            raise invalid(f"The model data {uri} must be in S3: s3://bucket/key.")
        if uri is not None and source.get("S3DataType") != "S3Prefix":
            self._check_object(uri)

    def _check_object(self, uri: str) -> None:
        location = Location.parse(uri)
        try:
            self._connection.s3.head_object(Bucket=location.bucket, Key=location.key)
        except (ClientError, BotoCoreError) as error:
            raise invalid(f"Could not find model data at {uri}.") from error

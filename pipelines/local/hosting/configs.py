"""The calls of AWS's API about endpoint configurations: which models an endpoint serves, and how."""

from __future__ import annotations

from collections import Counter

from pipelines.local.announcements import Announcements
from pipelines.local.aws import Action, Json, invalid
from pipelines.local.hosting.catalogue import Catalogue, Kind
from pipelines.local.hosting.models import Models
from pipelines.local.s3 import Location, TransferError
from pipelines.local.store import Store

_CONFIGS = Kind("EndpointConfig", "endpoint-config", "endpoint configuration", "SageMaker Endpoint Config State Change")
_ON_AWS_ONLY = ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants", "CrossRegionTrafficConfig")
_OF_VARIANTS_ON_AWS_ONLY = ("InstancePools", "ManagedInstanceScaling", "CoreDumpConfig", "CapacityReservationConfig")


class EndpointConfigs:
    """Keeps endpoint configurations, also over a restart of the server.

    Args:
        models: which exist.
        store: where the configurations are kept.
        announcements: is told of every configuration that comes or goes.
    """

    def __init__(self, models: Models, store: Store, announcements: Announcements) -> None:
        self._models = models
        self._configs = Catalogue(_CONFIGS, store, announcements)
        self.tags = self._configs.tags

    def actions(self) -> dict[str, Action]:
        """The calls that this answers, by name."""
        return {
            "CreateEndpointConfig": self.create,
            "DescribeEndpointConfig": self.describe,
            "DeleteEndpointConfig": self._configs.delete,
            "ListEndpointConfigs": self._configs.list_all,
        }

    def create(self, request: Json) -> Json:
        """The answer of CreateEndpointConfig.

        Raises:
            ApiError: the name is taken, a model does not exist, or something is asked for that only AWS can do.
        """
        self._check(request)
        return self._configs.add(request)

    def describe(self, request: Json) -> Json:
        """The answer of DescribeEndpointConfig."""
        return self._configs.describe(request)

    def request(self, name: str) -> Json:
        """The input of the call that created a configuration.

        Raises:
            ApiError: there is no such configuration.
        """
        request: Json = self._configs.get(name)["Request"]
        return request

    def _check(self, request: Json) -> None:
        refused = [field for field in _ON_AWS_ONLY if field in request]
        if refused:
            raise invalid(f"The embedded SageMaker does not support {', '.join(refused)} of an endpoint configuration.")
        variants = request["ProductionVariants"]
        name, count = Counter(variant["VariantName"] for variant in variants).most_common(1)[0]
        if count > 1:
            raise invalid(f"The names of production variants must be unique, but '{name}' occurs {count} times.")
        for variant in variants:
            self._check_variant(variant)
        if "DataCaptureConfig" in request:
            _check_destination(request["DataCaptureConfig"]["DestinationS3Uri"])

    def _check_variant(self, variant: Json) -> None:
        name = variant["VariantName"]
        refused = [field for field in _OF_VARIANTS_ON_AWS_ONLY if field in variant]
        if refused:
            raise invalid(f"The embedded SageMaker does not support {', '.join(refused)} (variant '{name}').")
        if "ModelName" not in variant:
            raise invalid(f"The production variant '{name}' needs a ModelName.")
        self._models.containers(variant["ModelName"])
        serverless = "ServerlessConfig" in variant
        instances = "InstanceType" in variant and "InitialInstanceCount" in variant
        if serverless and ("InstanceType" in variant or "InitialInstanceCount" in variant):
            raise invalid(f"The variant '{name}' must have either a ServerlessConfig or instances, not both.")
        if not serverless and not instances:
            raise invalid(f"The variant '{name}' needs an InstanceType and an InitialInstanceCount.")


def _check_destination(uri: str) -> None:
    try:
        Location.parse(uri)
    except TransferError as error:
        raise invalid(f"The DestinationS3Uri of DataCaptureConfig cannot be used: {error}") from error

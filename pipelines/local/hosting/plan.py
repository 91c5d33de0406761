"""What an endpoint should run: an endpoint configuration with its models' containers, as one document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipelines.local.aws import Json, invalid, limit_exceeded
from pipelines.local.hosting.variant import VariantPlan

_MOST_INSTANCES = 16  # of one endpoint, on one machine

# The fields of a variant's present state that an update can keep, by AWS's VariantPropertyType.
_COUNT, _WEIGHT, _CAPTURE = "DesiredInstanceCount", "DesiredWeight", "DataCaptureConfig"


@dataclass(frozen=True)
class EndpointPlan:
    """The variants of an endpoint and what is captured of their requests."""

    config_name: str
    variants: tuple[VariantPlan, ...]
    capture: Json | None

    @classmethod
    def of(cls, config: Json, containers: Callable[[str], Sequence[Json]]) -> EndpointPlan:
        """The plan that an endpoint configuration stands for.

        Args:
            config: the input of CreateEndpointConfig.
            containers: the container definitions of a model, by its name.

        Raises:
            ApiError: a model does not exist, or more instances are asked for than one machine starts.
        """
        variants = tuple(
            VariantPlan(
                variant,
                tuple(containers(variant["ModelName"])),
                variant.get("InitialVariantWeight", 1.0),
                variant.get("InitialInstanceCount", 1),
            )
            for variant in config["ProductionVariants"]
        )
        return cls(config["EndpointConfigName"], variants, config.get("DataCaptureConfig")).checked()

    @classmethod
    def from_json(cls, document: Json) -> EndpointPlan:
        """The plan of which `to_json` made this document."""
        variants = tuple(
            VariantPlan(each["Request"], tuple(each["Containers"]), each["Weight"], each["Count"])
            for each in document["Variants"]
        )
        return cls(document["EndpointConfigName"], variants, document["DataCaptureConfig"])

    def to_json(self) -> Json:
        """A document that holds everything, also where configuration and models are deleted later."""
        return {
            "EndpointConfigName": self.config_name,
            "DataCaptureConfig": self.capture,
            "Variants": [
                {
                    "Request": each.request,
                    "Containers": list(each.containers),
                    "Weight": each.weight,
                    "Count": each.count,
                }
                for each in self.variants
            ],
        }

    def pending_summary(self, start: float) -> Json:
        """The PendingDeploymentSummary of DescribeEndpoint, from the moment `start` on."""
        return {
            "EndpointConfigName": self.config_name,
            "ProductionVariants": [
                {"VariantName": each.name, "DesiredWeight": each.weight, "DesiredInstanceCount": each.count}
                for each in self.variants
            ],
            "StartTime": start,
        }

    def checked(self) -> EndpointPlan:
        """Itself.

        Raises:
            ApiError: more instances are asked for than one machine starts.
        """
        count = sum(variant.count for variant in self.variants)
        if count > _MOST_INSTANCES:
            raise limit_exceeded(
                f"The endpoint would have {count} instances; on one machine at most {_MOST_INSTANCES} are started."
            )
        return self

    def retaining(self, earlier: EndpointPlan, excluded: Sequence[Json]) -> EndpointPlan:
        """The plan with the properties that RetainAllVariantProperties keeps of variants of the same name.

        Args:
            earlier: what the endpoint is now.
            excluded: the ExcludeRetainedVariantProperties of the request.
        """
        dropped = {each["VariantPropertyType"] for each in excluded}
        present = {each.name: each for each in earlier.variants}
        variants = tuple(
            replace(
                each,
                count=each.count if _COUNT in dropped else present[each.name].count,
                weight=each.weight if _WEIGHT in dropped else present[each.name].weight,
            )
            if each.name in present
            else each
            for each in self.variants
        )
        capture = self.capture if _CAPTURE in dropped else earlier.capture
        return replace(self, variants=variants, capture=capture).checked()

    def changed(self, wanted: Sequence[Json]) -> EndpointPlan:
        """The plan with the weights and instance counts of UpdateEndpointWeightsAndCapacities.

        Raises:
            ApiError: a variant is not there, or there would be too many or too few instances.
        """
        changes = {each["VariantName"]: each for each in wanted}
        unknown = changes.keys() - {each.name for each in self.variants}
        if unknown:
            raise invalid(f"The endpoint has no variant named {', '.join(sorted(unknown))}.")
        if any("ServerlessUpdateConfig" in each for each in wanted):
            raise invalid("The embedded SageMaker does not support ServerlessUpdateConfig.")
        if any(each.get("DesiredInstanceCount", 1) < 1 for each in wanted):
            raise invalid("DesiredInstanceCount must be at least 1.")
        variants = tuple(
            replace(
                each,
                weight=changes.get(each.name, {}).get("DesiredWeight", each.weight),
                count=changes.get(each.name, {}).get("DesiredInstanceCount", each.count),
            )
            for each in self.variants
        )
        return replace(self, variants=variants).checked()

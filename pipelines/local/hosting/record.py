"""What is kept of an endpoint, so that a later server can start it again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipelines.local.aws import Json, now, shorten
from pipelines.local.hosting.plan import EndpointPlan

SETTLED = ("InService", "Failed", "Deleted")  # nothing is being done to the endpoint

_LONGEST_REASON = 1024  # characters, as in AWS's API


@dataclass(frozen=True)
class EndpointRecord:
    """An endpoint at one moment.

    Attributes:
        name: the endpoint's.
        tags: with which it was created.
        plan: what it runs, or is meant to run once it is created.
        deployment_config: with which it was created or last updated; may be empty.
        status: EndpointStatus; `Deleted`, which is none of AWS's, where nothing is left of it.
        failure_reason: why it, or its last update, failed.
        created: seconds since the epoch.
        modified: seconds since the epoch.
    """

    name: str
    tags: list[Json]
    plan: EndpointPlan
    deployment_config: Json
    status: str
    failure_reason: str | None
    created: float
    modified: float

    @classmethod
    def new(cls, request: Json, plan: EndpointPlan) -> EndpointRecord:
        """The record of the endpoint that CreateEndpoint asks for."""
        moment = now()
        config = request.get("DeploymentConfig", {})
        return cls(request["EndpointName"], request.get("Tags", []), plan, config, "Creating", None, moment, moment)

    @classmethod
    def from_json(cls, document: Json) -> EndpointRecord:
        """The record of which `to_json` made this document."""
        return cls(
            document["EndpointName"],
            document["Tags"],
            EndpointPlan.from_json(document["Plan"]),
            document["DeploymentConfig"],
            document["EndpointStatus"],
            document["FailureReason"],
            document["CreationTime"],
            document["LastModifiedTime"],
        )

    def to_json(self) -> Json:
        """A document for the store."""
        return {
            "EndpointName": self.name,
            "Tags": self.tags,
            "Plan": self.plan.to_json(),
            "DeploymentConfig": self.deployment_config,
            "EndpointStatus": self.status,
            "FailureReason": self.failure_reason,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }

    def entering(self, status: str, reason: str | None = None) -> EndpointRecord:
        """The record with another status, from now on."""
        short = None if reason is None else shorten(reason, _LONGEST_REASON)
        return replace(self, status=status, failure_reason=short, modified=now())

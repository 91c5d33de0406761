"""Why the function was called: the pipeline registered a package, somebody decided on one, or the endpoint changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

PACKAGE = "ModelPackageArn"
"""Key of the pipeline's payload, as of the registry's event."""


class OccasionError(Exception):
    """The event is none that this function knows."""


@dataclass(frozen=True)
class Occasion:
    """What an event is about; how things stand now is asked of SageMaker, since events come late, twice or unordered.

    Attributes:
        package: ARN of the model package; empty where it is about the endpoint.
        endpoint: name of the endpoint; empty where it is about a package.
    """

    package: str = ""
    endpoint: str = ""

    @classmethod
    def of(cls, event: Any) -> Self:
        """Read what Lambda was given.

        Raises:
            OccasionError: it names neither a package nor an endpoint.
        """
        told = event.get("detail", event) if isinstance(event, Mapping) else {}
        if isinstance(told, Mapping):
            for field, key in (("package", PACKAGE), ("endpoint", "EndpointName")):
                if isinstance(told.get(key), str) and told[key]:
                    return cls(**{field: told[key]})
        raise OccasionError(f"the event names no {PACKAGE} and no EndpointName")

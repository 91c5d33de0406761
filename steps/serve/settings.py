"""What can be set of the serving process, by environment variables of the container."""

import os
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steps.contract import StepError, base_folder
from steps.verdict import MATCH_FROM, MISMATCH_BELOW

PREFIX = "SERVE_"


class ServeSettings(BaseModel):
    """How requests are taken. The environment variable of a field such as `queue` is SERVE_QUEUE."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("0.0.0.0", description="address to listen on; in a container all of them")  # noqa: S104
    port: int = Field(8080, ge=1, le=65535, description="port to listen on; SageMaker sets SAGEMAKER_BIND_TO_PORT")
    workers: int = Field(0, ge=0, le=256, description="requests answered at once; 0 for one per physical core")
    queue: int = Field(64, ge=0, le=10_000, description="requests that may wait; more are answered with 503")
    largest_request_mb: int = Field(6, ge=1, le=25, description="longest body, MB; SageMaker's own limit is 25")
    largest_image_megapixels: int = Field(24, ge=1, le=64, description="larger images are refused")
    most_images: int = Field(64, ge=1, le=10_000, description="images in one request of JSON lines")
    body_seconds: float = Field(20.0, gt=0, le=60, description="in which a request's body must have arrived")
    mismatch_below: float = Field(
        MISMATCH_BELOW, ge=0, le=1, description="a probability of the expected quantity below this is a mismatch"
    )
    match_from: float = Field(
        MATCH_FROM, ge=0, le=1, description="one of at least this is a match; between them it is unsure"
    )
    batch: bool = Field(
        False,
        description="whether a photo that cannot be read is answered with 200 and its reason; SageMaker sets "
        "SAGEMAKER_BATCH in transform jobs, where any other status would fail the whole job",
    )
    metrics: bool = Field(False, description="whether GET /metrics answers counters in Prometheus' format")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables that begin with SERVE_, and SageMaker's own.

        Raises:
            StepError: one of them is unknown, or has a value that is not allowed.
        """
        values = {name[len(PREFIX) :].lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
        if "SAGEMAKER_BIND_TO_PORT" in environment:
            values["port"] = environment["SAGEMAKER_BIND_TO_PORT"]
        if "SAGEMAKER_BATCH" in environment:
            values["batch"] = environment["SAGEMAKER_BATCH"]
        if "SAGEMAKER_BASE_DIR" in environment:  # no container keeps others on this machine out
            values.setdefault("host", "127.0.0.1")
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            name = "".join(str(part) for part in problem["loc"]).upper()
            raise StepError(f"the environment variable {PREFIX}{name}: {problem['msg']}") from None


def model_folder() -> str:
    """Where SageMaker unpacks the model artifact."""
    return str(base_folder() / "model")

"""What can be set of the evaluate step."""

from pydantic import Field

from steps.contract import StepSettings


class EvaluateSettings(StepSettings):
    """How a model is scored."""

    batch_size: int = Field(64, ge=1, le=4096, description="images per forward pass")
    gallery: int = Field(24, ge=0, le=200, description="worst misses shown in the report, images")

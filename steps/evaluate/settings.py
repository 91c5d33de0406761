"""What can be set of the evaluate step."""

from pydantic import Field

from steps.contract import StepSettings


class EvaluateSettings(StepSettings):
    """How a model is scored, and compared with the latest approved one, the champion."""

    batch_size: int = Field(64, ge=1, le=4096, description="images per forward pass")
    gallery: int = Field(15, ge=0, le=200, description="images in each gallery of the report")
    level: float = Field(0.95, gt=0, lt=1, description="share of bootstrap resamples that an interval spans")
    resamples: int = Field(2000, ge=100, le=100_000, description="bootstrap resamples of the test images")
    seed: int = Field(0, ge=0, description="of the resampling")
    accuracy_tolerance: float = Field(0.0, ge=0, le=1, description="accuracy that a model may lose on the champion")
    rmse_tolerance: float = Field(0.0, ge=0, description="items by which its RMSE may exceed the champion's")
    maximum_worse_share: float = Field(
        0.95,
        ge=0,
        le=1,
        description="a model is worse than the champion when it loses more than tolerated in more than this share of "
        "resamples; 0.95 refuses only what is shown to be worse, 0.05 passes only what is shown not to be",
    )


class EvaluateArguments(EvaluateSettings):
    """What the container is told: the settings, and what the pipeline knows of the gate and the registry."""

    champion_group: str | None = Field(None, description="model package group that the champion is taken from")
    champion_required: bool = Field(False, description="whether the gate refuses a model worse than the champion")
    minimum_accuracy: float | None = Field(None, ge=0, le=1, description="what the gate asks for")
    maximum_rmse: float | None = Field(None, ge=0, description="what the gate allows, items; for counts only")

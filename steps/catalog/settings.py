"""What can be set of the catalog step."""

from typing import Self

from pydantic import Field, model_validator

from steps.contract import StepSettings

SPLITS = ("train", "validation", "test")


class CatalogSettings(StepSettings):
    """Which images are taken, and how they are split."""

    source: str = Field(
        pattern=r"^(s3|file)://.+",
        description="where bin-images/ and metadata/ lie, s3:// or file:// URI; aft-vbi-pds is read anonymously",
    )
    max_count: int = Field(5, ge=1, le=100, description="images with more items than this are left out")
    validation_fraction: float = Field(0.1, gt=0, lt=1, description="share of the images used to choose a model")
    test_fraction: float = Field(0.1, gt=0, lt=1, description="share of the images used to judge the chosen model")
    seed: int = Field(0, ge=0, description="decides which groups of images go to which split")
    concurrency: int = Field(64, ge=1, le=1024, description="labels read from S3 at the same time")

    @model_validator(mode="after")
    def _leave_images_to_train_on(self) -> Self:
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError(
                "validation_fraction and test_fraction leave nothing to train on: their sum must be below 1"
            )
        return self

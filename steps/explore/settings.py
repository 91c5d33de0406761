"""What can be set of the explore step."""

from pydantic import Field

from steps.contract import StepSettings


class ExploreSettings(StepSettings):
    """How much of the data is looked at; the whole of it is only counted."""

    originals: int = Field(1000, ge=0, le=100_000, description="original images whose size is read, at most")
    class_images: int = Field(200, ge=1, le=10_000, description="packed images of each class that are measured")
    colours: int = Field(6, ge=1, le=12, description="dominant colours of each class")
    gallery: int = Field(8, ge=0, le=50, description="sample images shown of each class")
    seed: int = Field(0, ge=0, description="decides which images are looked at")
    concurrency: int = Field(16, ge=1, le=256, description="original images fetched from S3 at the same time")

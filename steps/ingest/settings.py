"""What can be set of the ingest step."""

from pydantic import Field

from steps.contract import StepSettings
from steps.shards import ResizeRule


class IngestSettings(StepSettings):
    """How images are brought to one size and packed."""

    size: int = Field(224, ge=32, le=1024, description="height and width of the packed images, pixels")
    resize: ResizeRule = Field("squash", description="squash ignores the aspect ratio, as the ABID challenge does")
    shard_images: int = Field(2048, ge=1, le=65536, description="images per shard; 2,048 of 224 px are 308 MB")
    concurrency: int = Field(32, ge=1, le=1024, description="images fetched from S3 at the same time")

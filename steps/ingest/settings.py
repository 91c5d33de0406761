"""What can be set of the ingest step."""

from pydantic import Field

from steps.contract import StepSettings
from steps.preprocessing import ContrastRule, Preprocessing, ResizeRule


class IngestSettings(StepSettings):
    """How images are brought to one size and packed."""

    size: int = Field(224, ge=32, le=1024, description="height and width of the packed images, pixels")
    resize: ResizeRule = Field(
        "squash",
        description="squash ignores the aspect ratio, as the ABID challenge does; crop keeps the central square; "
        "pad adds grey borders",
    )
    contrast: ContrastRule = Field(
        "none", description="autocontrast stretches the range of tones; clahe equalises lightness region by region"
    )
    shard_images: int = Field(2048, ge=1, le=65536, description="most images per shard; 2,048 of 224 px are 308 MB")
    shard_mb: int = Field(
        512, ge=4, le=512, description="most megabytes of pixels per shard; a job holds one shard in memory"
    )
    concurrency: int = Field(32, ge=1, le=1024, description="images fetched from S3 at the same time")

    @property
    def preprocessing(self) -> Preprocessing:
        """What decides the pixels of an image."""
        return Preprocessing(size=self.size, resize=self.resize, contrast=self.contrast)

    @property
    def shard_capacity(self) -> int:
        """Images per shard, by number or by size, whichever allows fewer."""
        return min(self.shard_images, self.shard_mb * 10**6 // (self.size * self.size * 3))

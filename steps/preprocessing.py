"""How an image file becomes the model's input: chosen in ingest's settings, kept with the shards and with the model."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ResizeRule = Literal["squash", "crop", "pad"]
ContrastRule = Literal["none", "autocontrast", "clahe"]


class Preprocessing(BaseModel):
    """All that decides the pixels of an image; `steps/images.py` carries it out, alike for training and serving."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(gt=0, description="height and width of the result, pixels")
    resize: ResizeRule = Field(
        "squash", description="squash ignores the aspect ratio; crop keeps the central square; pad adds grey borders"
    )
    contrast: ContrastRule = Field("none", description="enhancement of the resized image")

    def __str__(self) -> str:
        return f"{self.size} px, resize {self.resize}, contrast {self.contrast}"

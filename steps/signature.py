"""What a model expects and answers: written by train, read by evaluate, register and serve."""

from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from steps.contract import StepError
from steps.counting import are_counts
from steps.decision import Decision
from steps.preprocessing import Preprocessing

FILE_NAME = "signature.json"

NetworkFile = Literal["model.onnx", "model-int8.xml"]
"""The network in float32, or its int8 version, whose weights lie beside it in `model-int8.bin`."""


class Signature(BaseModel):
    """The meaning of a model's input and output.

    The network takes `images`, uint8 [N, size, size, 3] RGB, and answers `logits`, float32 [N, len(classes)]:
    normalisation is part of the graph, so no caller can get it wrong. `mean` and `std` are what `model.safetensors`,
    the bare network's weights, expects of its float input.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    classes: tuple[str, ...] = Field(min_length=2, description="class names in the order of the logits")
    preprocessing: Preprocessing = Field(description="how an image file becomes the input")
    mean: tuple[float, float, float] = Field(description="per RGB channel, of pixel values in 0..1")
    std: tuple[float, float, float] = Field(description="per RGB channel, of pixel values in 0..1")
    architecture: str = Field(description="torchvision name of the network")
    network: NetworkFile = Field("model.onnx", description="the file that answers, and is scored")
    training_job: str = Field(description="name of the training job that made the model")
    decision: Decision = Field(Decision(), description="how the logits become an answer")

    @model_validator(mode="after")
    def _counts_are_counted(self) -> Self:
        if self.decision.rule != "likeliest" and not are_counts(self.classes):
            raise ValueError(
                f"the {self.decision.rule} of the classes {', '.join(self.classes[:3])}, ... means nothing: "
                "only counts have one"
            )
        return self

    @property
    def size(self) -> int:
        """Height and width of the input, pixels."""
        return self.preprocessing.size

    def decide(self, probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
        """The answer for each row of `probabilities` [N, classes], by the decision's rule: a class index, int64 [N]."""
        return self.decision.decide(probabilities)

    def write(self, folder: Path) -> None:
        """Write `signature.json` into `folder`."""
        (folder / FILE_NAME).write_text(self.model_dump_json(indent=2), encoding="utf-8")


def read_signature(folder: Path) -> Signature:
    """Read `signature.json` from the model folder `folder`.

    Raises:
        StepError: the file is missing, or is not a signature.
    """
    file = folder / FILE_NAME
    try:
        return Signature.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise StepError(f"{file} does not exist: the folder holds no model of the train step") from None
    except ValidationError as error:
        raise StepError(f"{file} is not a model signature: {error.errors()[0]['msg']}") from None

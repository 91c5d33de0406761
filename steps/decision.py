"""How a model's logits become its answer: written by train, applied by evaluate and serve."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Rule = Literal["likeliest", "median", "expectation"]


class Decision(BaseModel):
    """Everything between the logits and the answer.

    Whoever runs the network runs it on `images` uint8 [N, size, size, 3] and, when `mirrored`, also on
    `images[:, :, ::-1]`, the same images seen in a mirror.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(1.0, gt=0, allow_inf_nan=False, description="divides the logits: above 1, less sure")
    mirrored: bool = Field(False, description="the answer is of the image and its mirror image together")
    rule: Rule = Field(
        "likeliest",
        description="likeliest errs least often; median (least absolute error) and expectation (least squared error, "
        "rounded) are for classes that are counts",
    )

    def probabilities(
        self, logits: NDArray[np.float32], mirrored_logits: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Probability of each class, float32 [N, C]: softmax of logits / temperature, averaged over the views.

        Args:
            logits: float32 [N, C] of the images.
            mirrored_logits: float32 [N, C] of the mirrored images; given exactly when `mirrored`.

        Raises:
            ValueError: the mirrored logits are missing, or given to a decision that does not use them.
        """
        if self.mirrored != (mirrored_logits is not None):
            raise ValueError(f"a decision with mirrored={self.mirrored} takes logits of {1 + self.mirrored} views")
        result = _softmax(logits, self.temperature)
        if mirrored_logits is not None:
            result = (result + _softmax(mirrored_logits, self.temperature)) / 2
        return result.astype(np.float32)

    def decide(self, probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
        """The index answered for each row of `probabilities` [N, C], int64 [N].

        likeliest is the index of the highest probability; median the first whose cumulative probability reaches 0.5;
        expectation the mean index, rounded, halves up.
        """
        match self.rule:
            case "likeliest":
                return np.argmax(probabilities, axis=1).astype(np.int64)
            case "median":
                reached = np.cumsum(probabilities, axis=1, dtype=np.float64) >= 0.5
                return np.argmax(reached, axis=1).astype(np.int64)
            case "expectation":
                return np.floor(expected_values(probabilities) + 0.5).astype(np.int64)


def expected_values(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean index under each row of `probabilities` [N, C], float64 [N]."""
    values = probabilities.astype(np.float64)
    means: NDArray[np.float64] = values @ np.arange(values.shape[1]) / values.sum(axis=1)
    return means


def _softmax(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    values = logits.astype(np.float64)
    exponentials = np.exp((values - values.max(axis=1, keepdims=True)) / temperature)
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities

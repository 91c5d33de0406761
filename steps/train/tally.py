"""Sums over the images of an epoch, kept on the device so that a GPU is waited for once."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Scores:
    """What a model answered to a set of images.

    Attributes:
        loss: mean loss.
        accuracy: share of right answers, 0 to 1.
        rmse: root mean squared error of the answers, in classes.
    """

    loss: float
    accuracy: float
    rmse: float


class Tally:
    """Loss and answers, batch by batch.

    Attributes:
        sums: float64 [4] on the device: losses, right answers, squared errors and images.
    """

    def __init__(self, device: torch.device) -> None:
        """Begin with no image on `device`."""
        self.sums = torch.zeros(4, device=device, dtype=torch.float64)

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count a batch.

        Args:
            loss: the batch's mean loss, a scalar.
            logits: [N, classes]; the class of the largest is the answer.
            labels: int64 [N].
        """
        errors = (logits.detach().argmax(dim=1) - labels).double()
        images = loss.new_tensor(len(labels), dtype=torch.float64)
        self.sums += torch.stack([loss.detach() * images, (errors == 0).sum(), errors.square().sum(), images])

    def scores(self) -> Scores:
        """The means so far; nan when there was no image. Waits for a GPU."""
        loss, accuracy, squares = (self.sums[:3] / self.sums[3]).tolist()
        return Scores(loss, accuracy, math.sqrt(squares))

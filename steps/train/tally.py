"""Sums over the images of an epoch, kept on the device so that a GPU is waited for once."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from steps.train.hosts.team import ALONE, Team


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
        # Filled in on the device: a copy from the CPU would wait for a GPU.
        images = torch.full((), len(labels), dtype=torch.float64, device=loss.device)
        self.sums += torch.stack([loss.detach() * images, (errors == 0).sum(), errors.square().sum(), images])

    def scores(self, team: Team = ALONE) -> Scores:
        """The means so far over all of `team`; nan when there was no image. Waits for a GPU."""
        sums = team.total(self.sums)
        loss, accuracy, squares = (sums[:3] / sums[3]).tolist()
        return Scores(loss, accuracy, math.sqrt(squares))

    def collect(self, team: Team) -> None:
        """Move what all of `team` counted to its first process."""
        sums = team.total(self.sums)
        self.clear()
        if team.leads:
            self.sums += sums.to(self.sums.device)

    def clear(self) -> None:
        """Forget what was counted."""
        self.sums.zero_()

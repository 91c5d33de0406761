"""What the loop tells those who watch it: the facts of each optimiser step and the figures of each epoch."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from steps.train.progress import EpochFigures


@dataclass(frozen=True)
class StepSeconds:
    """Where the time of one optimiser step went, in seconds.

    Attributes:
        data: waiting for the batches.
        forward: augmentation, network and loss.
        backward: gradients.
        optimizer: the change of the weights.
    """

    data: float
    forward: float
    backward: float
    optimizer: float


@dataclass(frozen=True)
class StepFacts:
    """One optimiser step, told right after it.

    Attributes:
        epoch: from 1.
        step: optimiser steps of the run so far, this one included.
        loss: mean loss of the step's images, a scalar on the training device; reading it waits for a GPU.
        learning_rate: the rate that the step was made with.
        model: the network that learns; its parameters still hold the gradients of this step.
        seconds: where the time went; None for a step that was not measured.
    """

    epoch: int
    step: int
    loss: Tensor
    learning_rate: float
    model: nn.Module
    seconds: StepSeconds | None


class Observer(Protocol):
    """Watches a training run. What it raises ends the run."""

    def on_step(self, facts: StepFacts) -> None:
        """Called after each optimiser step, before the gradients are cleared."""

    def on_epoch(self, figures: EpochFigures) -> None:
        """Called after each epoch's validation."""

"""All that changes during a training run: what a checkpoint must hold to go on from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.optim import Optimizer

from steps.train.networks.network import Classifier
from steps.train.recipe.average import Average
from steps.train.recipe.stopping import EarlyStopping
from steps.train.tally import Tally


@dataclass
class State:
    """A training run between two steps.

    Learning rates follow from `step`, the order of an epoch's images from the seed and the epoch, and other random
    draws from the seed and the step (see `seed_of`), so none of them has a state of its own.

    Attributes:
        model: the network that learns.
        optimizer: what changes its weights.
        average: the running average of its weights, whose model is validated and exported.
        stopping: the memory of early stopping.
        epoch: epochs done.
        step: optimiser steps done.
        tally: what the model answered in the epoch under way.
    """

    model: Classifier
    optimizer: Optimizer
    average: Average
    stopping: EarlyStopping
    tally: Tally
    epoch: int = 0
    step: int = 0

    def state_dict(self) -> dict[str, Any]:
        """The state as nested dicts and lists of tensors, numbers and texts; tensors are not copied."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state_dict(),
            "stopping": self.stopping.state_dict(),
            "tally": self.tally.sums,
            "epoch": self.epoch,
            "step": self.step,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` answered in a run of the same settings."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.load_state_dict(state["average"])
        self.stopping.load_state_dict(state["stopping"])
        self.tally.sums.copy_(state["tally"])
        self.epoch = state["epoch"]
        self.step = state["step"]


def seed_of(seed: int, *where: int) -> int:
    """The seed of the random draws of one epoch or step of a run, 32 bits, unlike those of its neighbours.

    A restarted run so draws what it would have drawn undisturbed.
    """
    return int(np.random.SeedSequence((seed, *where)).generate_state(1)[0])

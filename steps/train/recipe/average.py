"""The running average of the weights: steadier, and mostly better, than the weights of any one step.

Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992; in the exponential form of
Izmailov et al., 2018, and Tarvainen and Valpola, 2017.
"""

import copy
from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from steps.train.networks.network import Classifier

TERMS = 16
"""Updates within the average's length: more change nothing, and each reads and writes all weights once."""
LONGEST_INTERVAL = 32
"""Steps between two updates at most, as in torchvision's reference recipe."""


class Average:
    """An exponential moving average of a model: avg <- d avg + (1 - d) weights.

    d is 1 - 1/L, where L is the average's length counted in updates, and less at first, (1 + n) / (10 + n) at update n,
    so that random initial weights are soon forgotten (TensorFlow's ExponentialMovingAverage). Statistics of batch
    normalisation are averaged as the weights are, so the two fit each other.
    """

    def __init__(self, model: Classifier, share: float, steps: int) -> None:
        """Average `model` over `share` of a run of `steps` optimiser steps; a share of 0 is the model itself."""
        self._source = model
        length = share * steps
        self.interval = max(1, min(LONGEST_INTERVAL, round(length / TERMS)))
        self._decay = max(0.0, 1 - self.interval / length) if length else 0.0
        self._average = copy.deepcopy(model) if self._decay else None
        self._updates = 0  # PyTorch's AveragedModel has a tensor for it, so that each update waits for a GPU

    @property
    def model(self) -> Classifier:
        """The averaged model; the model that learns when nothing is averaged."""
        return self._source if self._average is None else self._average

    def update(self, step: int) -> None:
        """Take in the weights after optimiser step `step`, counted from 1, if it is this step's turn."""
        if self._average is not None and (step - 1) % self.interval == 0:
            _blend(self._average, self._source, decay_at(self._updates, self._decay))
            self._updates += 1

    def state_dict(self) -> dict[str, Any]:
        """The average and the number of its updates; empty when nothing is averaged."""
        return {} if self._average is None else {"model": self._average.state_dict(), "updates": self._updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` answered under the same settings."""
        if self._average is not None:
            self._average.load_state_dict(state["model"])
            self._updates = state["updates"]


def decay_at(update: int, decay: float) -> float:
    """The share that the average keeps at its update `update`, counted from 0; the first takes the weights over."""
    return min(decay, (1 + update) / (10 + update)) if update else 0.0


@torch.no_grad()
def _blend(average: nn.Module, current: nn.Module, kept: float) -> None:
    means, counters = _tensors(average)
    values, counts = _tensors(current)
    torch._foreach_lerp_(means, values, 1 - kept)
    if counters:
        torch._foreach_copy_(counters, counts)


def _tensors(model: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Numbers to average, and counters, such as of batches seen, to take over."""
    tensors = list(chain(model.parameters(), model.buffers()))
    return [one for one in tensors if one.is_floating_point()], [one for one in tensors if not one.is_floating_point()]

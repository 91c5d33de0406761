"""The running average of the weights: steadier, and mostly better, than the weights of any one step.

Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992; in the exponential form of
Izmailov et al., 2018, and Tarvainen and Valpola, 2017.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

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
        decay = max(0.0, 1 - self.interval / length) if length else 0.0
        self._average = AveragedModel(model, multi_avg_fn=_blend(decay), use_buffers=True) if decay else None

    @property
    def model(self) -> Classifier:
        """The averaged model; the model that learns when nothing is averaged."""
        return self._source if self._average is None else cast("Classifier", self._average.module)

    def update(self, step: int) -> None:
        """Take in the weights after optimiser step `step`, counted from 1, if it is this step's turn."""
        if self._average is not None and (step - 1) % self.interval == 0:
            self._average.update_parameters(self._source)

    def state_dict(self) -> dict[str, Any]:
        """The average and the number of its updates; empty when nothing is averaged."""
        return {} if self._average is None else self._average.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` answered under the same settings."""
        if self._average is not None:
            self._average.load_state_dict(state)


def decay_at(update: int, decay: float) -> float:
    """The share that the average keeps at its update `update`, counted from 0; the first takes the weights over."""
    return min(decay, (1 + update) / (10 + update)) if update else 0.0


def _blend(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    @torch.no_grad()
    def blend(averages: Sequence[Tensor], currents: Sequence[Tensor], updates: Tensor | int) -> None:
        kept = decay_at(int(updates), decay)
        if averages[0].is_floating_point():
            torch._foreach_lerp_(list(averages), list(currents), 1 - kept)
        else:  # counters, such as batches seen
            torch._foreach_copy_(list(averages), list(currents))

    return blend

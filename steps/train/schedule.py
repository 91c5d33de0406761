"""How the weights are changed: the optimiser and its learning rate over the steps."""

import math

from torch import nn
from torch.optim import AdamW

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises."""


def make_optimizer(model: nn.Module, learning_rate: float, weight_decay: float) -> AdamW:
    """AdamW whose decay leaves out norms and biases, the parameters of one dimension.

    Pulling those to zero costs accuracy and regularises nothing (He et al., "Bag of Tricks for Image Classification",
    2019, section 3.1).
    """
    parameters = list(model.parameters())
    groups = [
        {"params": [each for each in parameters if each.ndim > 1], "weight_decay": weight_decay},
        {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=learning_rate, fused=True)


def rate_factor(step: int, steps: int) -> float:
    """The share of the highest learning rate that step `step` of `steps`, counted from 0, learns with.

    It rises linearly over the first tenth of the steps, then falls along a cosine towards zero.
    """
    warm_up = max(1, round(WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up + 1) / (steps - warm_up + 1)))

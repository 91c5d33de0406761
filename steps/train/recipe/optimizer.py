"""The optimiser, what it does not decay, and the clipping of gradients."""

from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from steps.train.settings import TrainSettings

MOMENTUM = 0.9
"""Of SGD, in Nesterov's form: what torchvision's and most other reference recipes use."""


def make_optimizer(model: nn.Module, settings: TrainSettings) -> Optimizer:
    """The optimiser of the parameters that can learn; its decay leaves out norms and biases, those of one dimension.

    Pulling those to zero costs accuracy and regularises nothing (He et al., "Bag of Tricks for Image Classification",
    2019, section 3.1).
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [each for each in parameters if each.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.optimizer == "sgd":
        return SGD(groups, lr=settings.learning_rate, momentum=MOMENTUM, nesterov=True, fused=True)
    kind = AdamW if settings.optimizer == "adamw" else Adam
    return kind(groups, lr=settings.learning_rate, fused=True)


def set_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """Let the next step learn with `learning_rate`."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def clip_gradients(parameters: Iterable[nn.Parameter], largest_norm: float) -> None:
    """Scale all gradients down together so that their norm is at most `largest_norm`; 0 leaves them as they are.

    Pascanu et al., "On the difficulty of training recurrent neural networks", 2013.
    """
    if largest_norm:
        torch.nn.utils.clip_grad_norm_(parameters, largest_norm)

"""Read the weights and gradients of a network's layers."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm


@dataclass(frozen=True)
class WeightFacts:
    """By layer: L2 norm of the gradient, mean absolute gradient, L2 norm of the weight."""

    gradient_norms: Mapping[str, float]
    gradient_means: Mapping[str, float]
    weight_norms: Mapping[str, float]


@torch.no_grad()
def read_weights(model: nn.Module) -> WeightFacts:
    """Measure the weight matrices and kernels that have a gradient; norms and biases are left out.

    A GPU is waited for once.
    """
    layers = {
        shorten(name).removesuffix(".weight"): parameter
        for name, parameter in model.named_parameters()
        if parameter.ndim > 1 and parameter.grad is not None
    }
    if not layers:
        return WeightFacts({}, {}, {})
    measured = torch.stack([torch.stack(_measure(parameter)) for parameter in layers.values()]).tolist()
    norms, means, weights = (dict(zip(layers, column, strict=True)) for column in zip(*measured, strict=True))
    return WeightFacts(norms, means, weights)


def shorten(name: str) -> str:
    """A module's or parameter's name without the wrapper's, which all layers share."""
    return name.removeprefix("network.")


def _measure(parameter: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    gradient = parameter.grad
    assert gradient is not None  # noqa: S101 - for the type checker: such parameters are left out
    return (
        vector_norm(gradient, dtype=torch.float32),
        vector_norm(gradient, ord=1, dtype=torch.float32) / gradient.numel(),
        vector_norm(parameter, dtype=torch.float32),
    )

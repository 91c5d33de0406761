"""Read what a network's activation functions are given and answer, by forward hooks that are there for one step."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from steps.train.diagnostics.unit_rules import INACTIVE
from steps.train.diagnostics.weights import shorten

RECTIFIERS = (nn.ReLU, nn.ReLU6)
ACTIVATIONS = (*RECTIFIERS, nn.GELU, nn.SiLU, nn.Hardswish, nn.Sigmoid, nn.Tanh)

LOOKED_AT = 16
"""Images of a batch that are looked at: with 32 images of 96 px in ResNet-18 a look then takes 9 % of a step."""

ENOUGH = round(1 / INACTIVE)
"""Least images and positions that tell whether a unit is active in fewer than `INACTIVE` of them.

Where a batch holds fewer, those of successive looks are counted together.
"""


@dataclass(frozen=True)
class ActivationFacts:
    """Of each rectifier the share of dead units, 0 to 1; of each activation function the variance of its input."""

    dead_shares: Mapping[str, float]
    input_variances: Mapping[str, float]


class ActivationProbe:
    """Looks at the activation functions of a network in one training step when asked to.

    A module that is used several times in one pass, as in a residual block, counts as several: `relu`, `relu (2)`.
    """

    def __init__(self, model: nn.Module) -> None:
        """Prepare to look at `model`, any network; nothing is hooked yet."""
        self._modules: dict[nn.Module, str] = {
            module: shorten(name) for name, module in model.named_modules() if isinstance(module, ACTIVATIONS)
        }
        self._handles: list[RemovableHandle] = []
        self._uses: dict[nn.Module, int] = defaultdict(int)
        self._variances: dict[str, Tensor] = {}
        self._active: dict[str, tuple[Tensor, int]] = {}

    def attach(self) -> None:
        """Look at the next step."""
        for module in self._modules:
            self._handles.append(module.register_forward_pre_hook(self._before))
            if isinstance(module, RECTIFIERS):
                self._handles.append(module.register_forward_hook(self._after))

    def detach(self) -> ActivationFacts:
        """Look no more, and tell what was seen; a GPU is waited for."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._uses.clear()
        variances = _to_floats(self._variances)
        known = {name: active for name, (active, seen) in self._active.items() if seen >= ENOUGH}
        dead = {name: (active < INACTIVE * self._active[name][1]).float().mean() for name, active in known.items()}
        for name in known:
            del self._active[name]
        self._variances = {}
        return ActivationFacts(_to_floats(dead), variances)

    @torch.no_grad()
    def _before(self, module: nn.Module, arguments: tuple[Any, ...]) -> None:
        if _is_looked_at(module):
            self._uses[module] += 1
            self._variances[self._name(module)] = arguments[0][:LOOKED_AT].detach().float().var(correction=0)

    @torch.no_grad()
    def _after(self, module: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG002 - a hook's
        if _is_looked_at(module):
            # Units are channels: the second dimension of [N, C] and [N, C, H, W], the last of token sequences.
            unit = 2 if output.ndim == 3 else 1
            positions = output[0].numel() // output.shape[unit]
            output = output[: max(LOOKED_AT, -(-ENOUGH // positions))].detach()
            others = [dimension for dimension in range(output.ndim) if dimension != unit]
            active, seen = torch.count_nonzero(output, dim=others), len(output) * positions
            before, seen_before = self._active.get(self._name(module), (0, 0))
            self._active[self._name(module)] = (active + before, seen + seen_before)

    def _name(self, module: nn.Module) -> str:
        use = self._uses[module]
        return self._modules[module] + (f" ({use})" if use > 1 else "")


def _is_looked_at(module: nn.Module) -> bool:
    """Validation between two steps is not, as its statistics are others; nor a pass that a compiler traces.

    PyTorch calls no hooks in compiled code that was traced without them, so a compiled network tells nothing of its
    activations; were hooks traced, they would stay for all steps to come.
    """
    return module.training and not torch.compiler.is_compiling()


def _to_floats(scalars: Mapping[str, Tensor]) -> dict[str, float]:
    if not scalars:
        return {}
    return dict(zip(scalars, torch.stack(list(scalars.values())).tolist(), strict=True))

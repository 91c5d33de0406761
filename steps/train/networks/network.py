"""The network: torchvision's or the baseline, behind the normalisation its input needs."""

from typing import Self

import torch
import torchvision
from torch import Tensor, nn

from steps.train.networks.baseline import Baseline
from steps.train.settings import Architecture

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Mean and deviation of ImageNet's RGB values in 0..1, which torchvision's own weights were trained with."""


class Classifier(nn.Module):
    """Answers logits float32 [N, classes] for images [N, size, size, 3], RGB, of values 0 to 255.

    Images may be uint8 or float32. The graph that is served is this module, so that its caller cannot get the
    normalisation wrong; `network` is the bare network, whose input is float32 [N, 3, size, size], normalised.

    Attributes:
        head: name within `network` of the last linear layer, which answers for the classes.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, architecture: Architecture, classes: int) -> None:
        """Build the network `architecture` with random weights."""
        super().__init__()
        self.network = _build(architecture, classes)
        self.head = [name for name, module in self.network.named_modules() if isinstance(module, nn.Linear)][-1]
        self._only_head_learns = False
        self.register_buffer("mean", 255 * torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(STD).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits float32 [N, classes] of `images`."""
        # A view: packed images are in PyTorch's channels_last layout now, those from `augment` in contiguous planes.
        pixels = images.permute(0, 3, 1, 2).float()
        logits: Tensor = self.network((pixels - self.mean) / self.std)
        return logits.float()

    def train_only_head(self) -> None:
        """Let nothing but the head learn: neither other weights nor the statistics of batch normalisation."""
        self._only_head_learns = True
        self.network.requires_grad_(False)
        self.network.get_submodule(self.head).requires_grad_(True)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Switch to training or evaluation; what does not learn stays in evaluation."""
        super().train(mode)
        if mode and self._only_head_learns:
            learning = self.head.partition(".")[0]
            for name, module in self.network.named_children():
                module.train(name == learning)
        return self


def _build(architecture: Architecture, classes: int) -> nn.Module:
    if architecture == "baseline":
        return Baseline(num_classes=classes)
    network: nn.Module = torchvision.models.get_model(architecture, weights=None, num_classes=classes)
    return network

"""The network: torchvision's, behind the normalisation its input needs."""

import torch
import torchvision
from torch import Tensor, nn

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Mean and deviation of ImageNet's RGB values in 0..1, which torchvision's own weights were trained with."""


class Classifier(nn.Module):
    """Answers logits float32 [N, classes] for images [N, size, size, 3], RGB, of values 0 to 255.

    Images may be uint8 or float32. The graph that is served is this module, so that its caller cannot get the
    normalisation wrong; `network` is the bare network, whose input is float32 [N, 3, size, size], normalised.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, architecture: str, classes: int) -> None:
        """Build the torchvision network `architecture` with random weights."""
        super().__init__()
        self.network: nn.Module = torchvision.models.get_model(architecture, weights=None, num_classes=classes)
        self.register_buffer("mean", 255 * torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(STD).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits float32 [N, classes] of `images`."""
        # [N, H, W, 3] seen as [N, 3, H, W] is PyTorch's channels_last layout: no copy, and the fastest one.
        pixels = images.permute(0, 3, 1, 2).float()
        logits: Tensor = self.network((pixels - self.mean) / self.std)
        return logits.float()

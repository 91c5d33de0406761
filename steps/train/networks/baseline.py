"""A small convolutional network, trained from scratch: what a larger one has to be better than."""

from torch import Tensor, nn

WIDTHS = (32, 64, 128, 256)
"""Channels of each block; each halves height and width."""


class Baseline(nn.Module):
    """Four blocks of convolution, batch normalisation and ReLU, then the mean over the picture and a linear layer.

    It has 0.4 million parameters, and answers logits [N, num_classes] for images [N, 3, H, W] of 16 pixels and more.
    """

    def __init__(self, num_classes: int) -> None:
        """Build the network with random weights."""
        super().__init__()
        inputs = (3, *WIDTHS[:-1])
        self.features = nn.Sequential(*(_block(*widths) for widths in zip(inputs, WIDTHS, strict=True)))
        self.fc = nn.Linear(WIDTHS[-1], num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, num_classes] of `images`."""
        logits: Tensor = self.fc(self.features(images).mean(dim=(2, 3)))
        return logits


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )

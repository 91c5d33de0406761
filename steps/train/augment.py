"""Random changes to training images that leave the label true."""

import torch
from torch import Generator, Tensor

BRIGHTNESS = 0.2
"""Largest relative change of brightness."""


def augment(images: Tensor, generator: Generator) -> Tensor:
    """Mirror each image left to right with probability 1/2 and make it up to `BRIGHTNESS` lighter or darker.

    The whole batch is changed at once, on its device.

    Args:
        images: uint8 [N, H, W, 3].
        generator: source of randomness, on the images' device.

    Returns:
        float32 [N, H, W, 3] of values 0 to 255.
    """
    shape = (len(images), 1, 1, 1)
    mirrored = torch.rand(shape, generator=generator, device=images.device) < 0.5
    change = torch.rand(shape, generator=generator, device=images.device) * 2 - 1
    pixels = torch.where(mirrored, images.flip(2), images).float()
    return (pixels * (1 + BRIGHTNESS * change)).clamp_(0, 255)

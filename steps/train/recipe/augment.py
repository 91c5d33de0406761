"""Random changes to training images that leave the label true, on a whole batch at once, on its device."""

import torch
from torch import Generator, Tensor

from steps.train.recipe.affine import random_affine
from steps.train.settings import TrainSettings


def augment(images: Tensor, strengths: TrainSettings, generator: Generator) -> Tensor:
    """Mirror, turn, scale, shift, and change brightness and contrast, of each image by its own random amount.

    Args:
        images: uint8 [N, S, S, 3].
        strengths: bounds of the changes; at 0 an ingredient changes nothing and costs nothing.
        generator: source of randomness, on the images' device.

    Returns:
        float32 [N, S, S, 3] of values 0 to 255.
    """
    mirrored = random_flip(images, strengths.flip_horizontal, 2, generator)
    mirrored = random_flip(mirrored, strengths.flip_vertical, 1, generator)
    # One copy makes floats of the bytes and planes of the channels, which are sampled fastest.
    pixels = mirrored.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
    pixels = random_affine(pixels, strengths.rotation, strengths.zoom, strengths.shift, generator)
    pixels = random_light(pixels, strengths.brightness, strengths.contrast, generator)
    return pixels.permute(0, 2, 3, 1)


def random_flip(images: Tensor, probability: float, side: int, generator: Generator) -> Tensor:
    """Mirror each image [N, S, S, 3] along its dimension `side` with `probability`."""
    if not probability:
        return images
    chosen = torch.rand((len(images), 1, 1, 1), generator=generator, device=images.device) < probability
    return torch.where(chosen, images.flip(side), images)


def random_light(images: Tensor, brightness: float, contrast: float, generator: Generator) -> Tensor:
    """Scale each image [N, 3, S, S] and its distance from its mean by up to the given shares, within 0 to 255.

    With brightness factor b and contrast factor c a pixel x of an image of mean m becomes b (m + c (x - m)).
    """
    if not (brightness or contrast):
        return images
    draws = torch.rand((2, len(images), 1, 1, 1), generator=generator, device=images.device) * 2 - 1
    lighter, stronger = 1 + brightness * draws[0], 1 + contrast * draws[1]
    middle = images.mean(dim=(1, 2, 3), keepdim=True) * lighter * (1 - stronger)
    return torch.addcmul(middle, images, lighter * stronger).clamp_(0, 255)

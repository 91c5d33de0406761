"""Turn, scale and shift every image of a batch by its own amount, in one sampling of the pixels."""

import math

import torch
from torch import Generator, Tensor
from torch.nn.functional import grid_sample


def random_affine(images: Tensor, rotation: float, zoom: float, shift: float, generator: Generator) -> Tensor:
    """Turn, scale and shift each image by a uniformly random amount within bounds; bounds of 0 change nothing.

    Args:
        images: float32 [N, 3, S, S].
        rotation: largest angle to either side, degrees.
        zoom: largest change of scale, as a share.
        shift: largest shift in each direction, as a share of the side.
        generator: source of randomness, on the images' device.

    Returns:
        float32 [N, 3, S, S], sampled linearly; what lies beyond an image repeats its edge, which unlike a reflection
        shows no item twice.
    """
    if not (rotation or zoom or shift):
        return images
    turn, scale, right, down = _uniform(4, len(images), generator, images.device)
    grid = sampling_grid(turn * math.radians(rotation), 1 + zoom * scale, shift * right, shift * down, images.shape[-1])
    return grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def sampling_grid(angle: Tensor, scale: Tensor, right: Tensor, down: Tensor, size: int) -> Tensor:
    """Where each pixel of the changed images comes from, float32 [N, size, size, 2], as `grid_sample` takes it.

    Built by broadcasting: `affine_grid` multiplies matrices of two rows and is several times slower on a CPU.

    Args:
        angle: float32 [N], counter-clockwise, radians.
        scale: float32 [N]; above 1 things become larger.
        right: float32 [N], shift as a share of the side.
        down: float32 [N], likewise.
        size: height and width, pixels.
    """
    # Coordinates run from -1 to 1 over the side, so a share of it counts double.
    centres = (2 * torch.arange(size, device=angle.device) + 1) / size - 1
    x, y = centres - 2 * right[:, None], centres - 2 * down[:, None]
    cos, sin = (angle.cos() / scale)[:, None], (angle.sin() / scale)[:, None]
    grid = torch.empty(len(angle), size, size, 2, device=angle.device)
    torch.sub((cos * x)[:, None, :], (sin * y)[:, :, None], out=grid[..., 0])
    torch.add((sin * x)[:, None, :], (cos * y)[:, :, None], out=grid[..., 1])
    return grid


def _uniform(kinds: int, count: int, generator: Generator, device: torch.device) -> Tensor:
    return torch.rand(kinds, count, generator=generator, device=device) * 2 - 1

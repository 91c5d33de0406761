"""Arithmetic on whole pictures, through OpenCV: numpy is several times slower at broadcasting over three channels."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Raster = npt.NDArray[np.uint8]
"""A picture, uint8 [H, W, 3] in RGB, or a mask, uint8 [H, W]."""

Light = npt.NDArray[np.float32]
"""A factor per pixel, float32 [H, W]."""


def plain(width: int, height: int, colour: Sequence[float]) -> Raster:
    """A picture of one colour."""
    image = np.empty((height, width, 3), np.uint8)
    cv2.rectangle(image, (0, 0), (width, height), colour, -1)
    return image


def lit(image: Raster, light: Light) -> Raster:
    """Multiply every channel of `image` by `light`, saturating."""
    return np.asarray(cv2.multiply(image, cv2.merge([light] * 3), dtype=cv2.CV_8U), np.uint8)


def blend(under: Raster, over: Raster, opacity: Light) -> Raster:
    """Lay `over` on `under`, seen through where `opacity` (0 to 1) is less than 1."""
    return np.asarray(cv2.blendLinear(over, under, opacity, 1 - opacity), np.uint8)


def smooth_noise(width: int, height: int, cells: tuple[int, int], rng: np.random.Generator) -> Light:
    """Standard normal noise on a grid of `cells` (rows, columns), interpolated to [height, width]."""
    grid = rng.standard_normal(cells, dtype=np.float32)
    return np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)

"""The camera: painting the placed items with their shadows, then framing, light, blur, noise and JPEG.

With these lights the mean colour of the photographs is within 5 of 255 levels of that of 150 of the Amazon Bin Image
Dataset (134, 112, 89), and spreads as much from one to the next.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.demo.arrangement import Placed
from pipelines.demo.pixels import Raster, blend, lit, smooth_noise

MARGIN = 8
"""Pixels drawn beyond every edge of a photograph, so that the camera can shift."""
_SHADOW = 9


def paint_items(image: Raster, placed: Sequence[Placed]) -> None:
    """Paint the items onto `image`, farthest first, each with the shadow it throws on what is behind it."""
    for item in sorted(placed, key=lambda item: -item.depth):
        _paint_item(image, item)


def take_photo(scene: Raster, rng: np.random.Generator) -> Raster:
    """Photograph a scene: uint8 [H + 2 MARGIN, W + 2 MARGIN, 3] in, uint8 [H, W, 3] out, slightly shifted."""
    down, right = rng.integers(0, 2 * MARGIN + 1, 2)
    height, width = scene.shape[0] - 2 * MARGIN, scene.shape[1] - 2 * MARGIN
    sharp = scene[down : down + height, right : right + width]
    image = cv2.transform(cv2.GaussianBlur(sharp, (0, 0), rng.uniform(0.4, 0.9)), _colours(rng))
    light = rng.uniform(0.75, 1.01) * (1 + 0.09 * smooth_noise(width, height, (3, 4), rng))
    lit_image = lit(np.asarray(image, np.uint8), light.astype(np.float32))
    grain = rng.uniform(1.5, 4.0) * rng.standard_normal((height, width), dtype=np.float32)
    return np.asarray(cv2.add(lit_image, cv2.merge([grain.astype(np.float32)] * 3), dtype=cv2.CV_8U), np.uint8)


def _colours(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """The camera's colours, float64 [3, 4]: some saturation lost, a warm balance, and the haze of a warm lamp."""
    pale, haze = rng.uniform(0.1, 0.35), rng.uniform(0.12, 0.3)
    saturation = (1 - pale) * np.eye(3) + pale / 3
    balance = np.array([1.02, 0.95, 0.88]) * rng.normal(1, 0.02, 3)
    return np.column_stack([(1 - haze) * balance[:, None] * saturation, haze * np.array([150, 126, 106])])


def encode_jpeg(image: Raster, quality: int) -> bytes:
    """Encode a uint8 [H, W, 3] RGB image as JPEG."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def _paint_item(image: Raster, item: Placed) -> None:
    half_width, half_height = (int(reach) + _SHADOW for reach in item.reach)
    left, top = max(0, int(item.x) - half_width), max(0, int(item.y) - half_height)
    window = image[top : int(item.y) + half_height, left : int(item.x) + half_width]
    size, matrix = (window.shape[1], window.shape[0]), item.matrix(left, top)
    opacity = cv2.warpAffine(item.sprite.opacity, matrix, size)
    colour = cv2.warpAffine(item.sprite.colour, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    cast = cv2.warpAffine(item.sprite.opacity, matrix + np.array([[0, 0, 3], [0, 0, 1]]), size)
    shadow = cv2.blur(cast, (_SHADOW, _SHADOW)) * np.float32(-0.55 / 255) + 1
    dimmed = cv2.convertScaleAbs(colour, alpha=1.0 - 0.3 * item.depth)
    window[:] = blend(lit(window, shadow), np.asarray(dimmed, np.uint8), opacity * np.float32(1 / 255))

"""Paint the fabric bin: walls and floor behind the items; elastic bands, lips and location labels before them.

Colours and proportions are matched by eye to photographs of the Amazon Bin Image Dataset.
"""

import cv2
import numpy as np

from pipelines.demo.artwork import write
from pipelines.demo.pixels import Raster, blend, lit, plain, smooth_noise
from pipelines.demo.products import Colour
from pipelines.demo.shelf import Shelf

_LABEL_COLOURS: tuple[Colour, ...] = (
    (44, 48, 84), (206, 116, 76), (136, 172, 204), (206, 130, 140), (82, 52, 92), (44, 82, 70), (186, 76, 68),
)  # fmt: skip
_PAPER: Colour = (222, 216, 206)
_INK: Colour = (44, 42, 44)


def paint_inside(shelf: Shelf, rng: np.random.Generator) -> Raster:
    """Paint back, sides and floor, uint8 [H, W, 3]: shaded fabric, darker towards the back and the top."""
    fabric = np.array([206, 182, 98]) * rng.uniform(0.85, 1.08) + rng.normal(0, 5, 3)
    image = plain(shelf.width, shelf.height, (fabric * 0.92).tolist())
    grey = np.array([150, 142, 124]) * rng.uniform(0.75, 1.1)
    for corners, colour in ((shelf.floor_outline, grey), (shelf.back_outline, fabric * rng.uniform(0.5, 0.95))):
        cv2.fillPoly(image, [corners], colour.tolist(), cv2.LINE_AA)
    folds = 1 + 0.05 * smooth_noise(shelf.width, shelf.height, (4, 6), rng)
    down = np.linspace(rng.uniform(0.65, 0.95), 1.08, shelf.height, dtype=np.float32)[:, None]
    return lit(np.asarray(cv2.blur(image, (5, 5)), np.uint8), folds * down)


def paint_front(image: Raster, shelf: Shelf, rng: np.random.Generator) -> None:
    """Paint the elastic bands, the lips and their labels over the items."""
    _paint_bands(image, shelf, rng)
    fabric = np.array([232, 206, 106]) * rng.uniform(0.88, 1.08)
    for level, outer, seam in ((shelf.front, shelf.height, 6), (shelf.top, 0, -6)):
        cv2.fillPoly(image, [shelf.lip(level, outer)], fabric.tolist(), cv2.LINE_AA)
        cv2.polylines(image, [shelf.edge(level)], False, (fabric * 0.62).tolist(), 2, cv2.LINE_AA)
        cv2.polylines(image, [shelf.edge(level + seam)], False, (fabric * 0.86).tolist(), 1, cv2.LINE_AA)
    middle = int(shelf.width * rng.uniform(0.3, 0.7))
    down = int((shelf.height - shelf.front) * rng.uniform(0.75, 1.1))
    _paint_label(image, middle, shelf.front + shelf.sag + 7, down, rng)
    if rng.random() < 0.6:
        _paint_label(image, middle, shelf.top - int(down * rng.uniform(0.6, 1.1)) - 4, down, rng)


def _paint_label(image: Raster, middle: int, top: int, height: int, rng: np.random.Generator) -> None:
    """A location label: a coloured strip with a code such as 2G and a square of black and white dots."""
    width = int(height * rng.uniform(2.6, 3.4))
    left = middle - width // 2
    colour = _LABEL_COLOURS[int(rng.integers(len(_LABEL_COLOURS)))]
    pad = max(2, height // 8)
    cv2.rectangle(image, (left - pad, top - pad), (left + width + pad, top + height + pad), (214, 200, 150), -1)
    cv2.rectangle(image, (left, top), (left + width, top + height), colour, -1)
    cv2.rectangle(image, (left + pad, top + pad), (left + width // 2, top + height - pad), _PAPER, -1)
    code = f"{rng.integers(1, 5)}{'ABCDEFGHI'[int(rng.integers(9))]}"
    write(image, code, left + 2 * pad, top + height - 2 * pad, width // 2 - 3 * pad, height - 4 * pad, _INK)
    side = height - 2 * pad
    corner = left + width // 2 + 2 * pad
    dots = np.where(rng.random((8, 8)) < 0.5, 40, 220).astype(np.uint8)
    window = image[max(0, top + pad) : top + pad + side, max(0, corner) : corner + side]
    if side > 4 and window.size:
        square = cv2.resize(dots, (side, side), interpolation=cv2.INTER_NEAREST)
        window[:] = square[-window.shape[0] :, : window.shape[1], None]


def _paint_bands(image: Raster, shelf: Shelf, rng: np.random.Generator) -> None:
    """Two to four bands of thin, pale, translucent elastic strands, and now and then a yellow cord."""
    strands = np.zeros(image.shape[:2], np.uint8)
    veil = np.zeros(image.shape[:2], np.uint8)
    bands = int(rng.integers(2, 4)) + (shelf.height > shelf.width)
    for centre in np.linspace(0.2, 0.84, bands) + rng.normal(0, 0.04, bands):
        _stretch_band(strands, veil, shelf, centre * shelf.height, rng)
    gaps = np.roll(strands, 2, axis=0) * np.float32(rng.uniform(0.0, 0.3) / 255)
    cover = (strands * np.float32(rng.uniform(0.6, 1.0)) + veil) / 255
    elastic = np.array([208, 198, 186]) * rng.uniform(0.85, 1.08)
    dimmed = lit(image, 1 - gaps)
    image[:] = blend(dimmed, plain(shelf.width, shelf.height, elastic.tolist()), np.clip(cover, 0, 0.88))
    if rng.random() < 0.25:
        left, right = (int(shelf.height * level) for level in rng.uniform(0.4, 0.65) + rng.normal(0, 0.01, 2))
        cv2.line(image, (0, left + 2), (shelf.width, right + 2), (92, 74, 40), 1, cv2.LINE_AA)
        cv2.line(image, (0, left), (shelf.width, right), (208, 168, 78), 2, cv2.LINE_AA)


def _stretch_band(strands: Raster, veil: Raster, shelf: Shelf, centre: float, rng: np.random.Generator) -> None:
    count, pitch = int(rng.integers(8, 15)), float(rng.uniform(3.0, 4.8))
    tilt = float(rng.normal(0, 0.02)) * shelf.width
    rows = centre + (np.arange(count) - count / 2) * pitch
    for row, wobble in zip(rows, rng.normal(0, 0.8, (count, 2)), strict=True):
        start, end = round(row - tilt + wobble[0]), round(row + tilt + wobble[1])
        cv2.line(strands, (0, start), (shelf.width, end), int(rng.integers(130, 256)), 1, cv2.LINE_AA)
    corners = [(0, rows[0] - tilt), (shelf.width, rows[0] + tilt), (shelf.width, rows[-1] + tilt), (0, rows[-1] - tilt)]
    cv2.fillConvexPoly(veil, np.array(corners, np.int32), int(rng.integers(25, 62)), cv2.LINE_AA)

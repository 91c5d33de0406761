"""What is printed on packaging: titles, pictures, small print, barcodes, tape and shipping labels."""

import cv2
import numpy as np

from pipelines.demo.pixels import Raster, plain
from pipelines.demo.products import Colour, Product

_WHITE: Colour = (232, 228, 220)
_INK: Colour = (46, 44, 48)


def printed_face(product: Product, width: int, height: int) -> Raster:
    """Print one face of `product`: uint8 [height, width, 3]; the same product and size give the same face."""
    upright = height > 1.5 * width
    across, down = (height, width) if upright else (width, height)
    rng = np.random.default_rng([product.art_seed, across, down])
    face = plain(across, down, product.colour)
    if product.kind == "carton":
        _ship(face, rng)
    elif down < 0.3 * across:
        _title_spine(face, product, rng)
    else:
        _decorate(face, product, rng)
    return np.ascontiguousarray(np.rot90(face, -1)) if upright else face


def sticker(image: Raster, left: int, top: int, width: int, height: int, rng: np.random.Generator) -> None:
    """Stick a white paper label with a barcode and small print onto `image`."""
    cv2.rectangle(image, (left, top), (left + width, top + height), _WHITE, -1)
    _barcode(image, left + 2, top + 2, width - 4, max(3, height // 2), rng)
    _small_print(image, left + 2, top + height // 2 + 4, width - 4, max(0, height // 2 - 5), _INK, rng)


def write(image: Raster, text: str, left: int, bottom: int, width: int, height: int, colour: Colour) -> None:
    """Write `text` as large as fits into `width` x `height` pixels above `bottom`."""
    (at_one, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)
    scale = min(width / at_one, height / tall)
    if scale > 0.12:
        stroke = max(1, round(scale * 2.4))
        cv2.putText(image, text, (left, bottom), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, stroke, cv2.LINE_AA)


def _decorate(face: Raster, product: Product, rng: np.random.Generator) -> None:
    height, width = face.shape[:2]
    first, second = product.accents
    band = int(height * rng.uniform(0.18, 0.4))
    top = 0 if rng.random() < 0.5 else height - band
    cv2.rectangle(face, (0, top), (width, top + band), first, -1)
    _picture(face, second, rng)
    ink = _contrast(product.colour)
    write(
        face, product.brand, int(width * 0.07), int(height * rng.uniform(0.3, 0.6)), int(width * 0.8), height // 4, ink
    )
    _small_print(face, int(width * 0.08), int(height * 0.66), int(width * rng.uniform(0.3, 0.5)), height // 5, ink, rng)
    if rng.random() < 0.5:
        across, down = max(8, width // 5), max(5, height // 6)
        sticker(face, width - across - 3, height - down - 3, across, down, rng)


def _title_spine(face: Raster, product: Product, rng: np.random.Generator) -> None:
    height, width = face.shape[:2]
    edge = int(width * rng.uniform(0.06, 0.2))
    cv2.rectangle(face, (0, 0), (edge, height), product.accents[0], -1)
    title = product.name.split(",")[0].upper()
    ink = _contrast(product.colour)
    write(face, title, edge + 4, int(height * 0.72), int(width * 0.72) - edge, int(height * 0.5), ink)


def _ship(face: Raster, rng: np.random.Generator) -> None:
    height, width = face.shape[:2]
    tape = max(3, height // 7)
    middle = height // 2 - tape // 2
    face[middle : middle + tape] = np.clip(face[middle : middle + tape].astype(int) + 22, 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        across, down = int(width * rng.uniform(0.3, 0.5)), int(height * rng.uniform(0.3, 0.5))
        left, top = int(rng.integers(2, width - across)), int(rng.integers(2, height - down))
        sticker(face, left, top, across, down, rng)


def _picture(face: Raster, colour: Colour, rng: np.random.Generator) -> None:
    """A photograph of the product, a disc or an angular shape, somewhere right of the middle."""
    height, width = face.shape[:2]
    x, y = int(width * rng.uniform(0.5, 0.8)), int(height * rng.uniform(0.35, 0.65))
    radius = max(3, int(min(width, height) * rng.uniform(0.14, 0.32)))
    shape = rng.random()
    if shape < 0.5:
        window = face[max(0, y - radius) : y + radius, max(0, x - radius) : x + 2 * radius]
        blobs = np.clip(np.array(colour) + rng.normal(0, 45, (5, 6, 1)) + rng.normal(0, 18, (5, 6, 3)), 20, 235).astype(
            np.uint8
        )
        window[:] = cv2.resize(blobs, window.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    elif shape < 0.7:
        cv2.circle(face, (x, y), radius, colour, -1, cv2.LINE_AA)
    else:
        corners = np.array((x, y)) + rng.uniform(-1.4, 1.4, (5, 2)) * radius
        cv2.fillConvexPoly(face, cv2.convexHull(corners.astype(np.int32)), colour, cv2.LINE_AA)


def _small_print(
    image: Raster, left: int, top: int, width: int, height: int, ink: Colour, rng: np.random.Generator
) -> None:
    for row in range(top, top + height, 4):
        cv2.line(image, (left, row), (left + int(width * rng.uniform(0.5, 1.0)), row), ink, 1)


def _barcode(image: Raster, left: int, top: int, width: int, height: int, rng: np.random.Generator) -> None:
    bars = np.flatnonzero(rng.random(max(1, width)) < 0.5)
    for bar in bars:
        cv2.line(image, (left + int(bar), top), (left + int(bar), top + height), _INK, 1)


def _contrast(colour: Colour) -> Colour:
    return _INK if sum(colour) > 330 else _WHITE

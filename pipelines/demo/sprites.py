"""Draw one item cut out: a box seen from above, a book, a bottle, a can or a plastic bag."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from pipelines.demo.artwork import printed_face
from pipelines.demo.pixels import Light, Raster, lit, plain, smooth_noise
from pipelines.demo.products import Colour, Product


class Facing(NamedTuple):
    """How a copy stands: its width, height and depth in inches as the camera sees them."""

    width: float
    height: float
    depth: float


@dataclass(frozen=True)
class Sprite:
    """An item cut out: colour uint8 [H, W, 3], opacity uint8 [H, W], and whether another item can stand on it."""

    colour: Raster
    opacity: Raster
    flat_top: bool


def choose_facing(product: Product, rng: np.random.Generator) -> Facing:
    """Stand a copy of `product` on one of its sides; bottles and cans stand upright."""
    length, width, height, _ = product.size
    if product.kind in ("bottle", "can"):
        return Facing(width, length, width)
    if product.kind == "bag":
        return Facing(length, width, height)
    lying, upright, cover = Facing(length, height, width), Facing(height, length, width), Facing(width, length, height)
    on_edge = Facing(length, width, height)
    return (lying, upright, cover, on_edge)[int(rng.integers(4))]


def draw_item(product: Product, facing: Facing, pixels_per_inch: float, rng: np.random.Generator) -> Sprite:
    """Draw one copy of `product`; `rng` varies what differs between copies: folds, gloss, the side one sees."""
    width, height, depth = (max(8, round(side * pixels_per_inch)) for side in facing)
    if product.kind == "bag":
        return _bag(product, width, height, rng)
    if product.kind == "bottle":
        return _bottle(product, width, height)
    if product.kind == "can":
        return _can(product, width, height)
    return _cuboid(product, width, height, depth, rng)


def _cuboid(product: Product, width: int, height: int, depth: int, rng: np.random.Generator) -> Sprite:
    """Front face with the top and perhaps one side in oblique projection."""
    rise = max(2, round(depth * rng.uniform(0.10, 0.30)))
    run = round(depth * rng.choice([0.0, 0.12, 0.22]))
    face = printed_face(product, width, height)
    colour = np.zeros((height + rise, width + run, 3), np.uint8)
    opacity = np.zeros(colour.shape[:2], np.uint8)
    top = np.array([(0, rise), (width - 1, rise), (width + run - 1, 0), (run, 0)], np.int32)
    side = np.array(
        [(width, rise), (width + run - 1, 0), (width + run - 1, height - 1), (width, height + rise - 1)], np.int32
    )
    for corners, light in ((side, 0.55), (top, 1.18)):
        cv2.fillConvexPoly(colour, corners, _tinted(product.colour, light))
        cv2.fillConvexPoly(opacity, corners, 255)
    if run == 0:
        opacity[:, width:] = 0
    colour[rise:, :width] = lit(face, np.tile(np.linspace(1.04, 0.86, height, dtype=np.float32)[:, None], (1, width)))
    opacity[rise:, :width] = 255
    if product.kind != "carton" and rng.random() < 0.3:
        _gloss(colour[rise:, :width], rng)
    cv2.rectangle(colour, (0, rise), (width - 1, height + rise - 1), _tinted(product.colour, 0.5), 1)
    cv2.line(colour, (1, rise), (width - 2, rise), _tinted(product.colour, 1.35), 1)
    return _maybe_mirrored(Sprite(colour, opacity, flat_top=True), run > 0 and rng.random() < 0.5, width, rise, run)


def _maybe_mirrored(sprite: Sprite, mirror: bool, width: int, rise: int, run: int) -> Sprite:
    """Show the left side instead of the right one, with the print still readable."""
    if not mirror:
        return sprite
    face = sprite.colour[rise:, :width]
    colour = np.ascontiguousarray(sprite.colour[:, ::-1])
    colour[rise:, run:] = face
    return Sprite(colour, np.ascontiguousarray(sprite.opacity[:, ::-1]), sprite.flat_top)


def _bottle(product: Product, width: int, height: int) -> Sprite:
    neck, shoulder, cap = width * 0.34, height * 0.24, height * 0.13
    centre = width / 2
    left = [(centre - neck / 2, cap), (centre - neck / 2, cap * 1.5), (0, cap + shoulder), (0, height - 1)]
    outline = np.array(left + [(width - 1 - x, y) for x, y in reversed(left)], np.int32)
    colour = plain(width, height, product.colour)
    opacity = np.zeros((height, width), np.uint8)
    cv2.fillPoly(opacity, [outline], 255)
    top, bottom = int(cap + shoulder * 1.15), int(height * 0.92)
    colour[top:bottom] = printed_face(product, width, bottom - top)
    cap_left, cap_right = int(centre - neck * 0.62), int(centre + neck * 0.62)
    cv2.rectangle(colour, (cap_left, 0), (cap_right, int(cap)), product.accents[0], -1)
    cv2.rectangle(opacity, (cap_left, 0), (cap_right, int(cap)), 255, -1)
    return Sprite(lit(colour, _round(width, height)), opacity, flat_top=False)


def _can(product: Product, width: int, height: int) -> Sprite:
    rim = max(2, width // 9)
    colour = plain(width, height, product.accents[0])
    opacity = np.zeros((height, width), np.uint8)
    cv2.rectangle(opacity, (0, rim), (width - 1, height - 1 - rim), 255, -1)
    middle = width // 2
    for row in (rim, height - 1 - rim):
        cv2.ellipse(opacity, (middle, row), (middle, rim), 0, 0, 360, 255, -1)
    colour[rim : height - rim] = printed_face(product, width, height - 2 * rim)
    colour = lit(colour, _round(width, height))
    cv2.ellipse(colour, (middle, rim), (middle, rim), 0, 0, 360, (188, 184, 176), -1, cv2.LINE_AA)
    cv2.ellipse(colour, (middle, rim), (middle, rim), 0, 0, 360, (96, 92, 88), 1, cv2.LINE_AA)
    return Sprite(colour, opacity, flat_top=True)


def _bag(product: Product, width: int, height: int, rng: np.random.Generator) -> Sprite:
    """Something soft or printed in a crumpled film bag: an uneven outline, creases and sharp highlights."""
    angles = np.linspace(0, 2 * np.pi, 22, endpoint=False)
    pillow = (np.abs(np.cos(angles)) ** 4 + np.abs(np.sin(angles)) ** 4) ** (-1 / 4)
    corner = np.stack([np.cos(angles), np.sin(angles)], 1) * (pillow * rng.uniform(0.78, 1.0, 22))[:, None]
    outline = np.clip((1 + corner) * (width / 2, height / 2), 0, (width - 1, height - 1)).astype(np.int32)
    opacity = np.zeros((height, width), np.uint8)
    cv2.fillPoly(opacity, [outline], 255)
    colour = plain(width, height, product.colour)
    if rng.random() < 0.6:
        left, top = width // 6, height // 5
        colour[top : height - top, left : width - left] = printed_face(product, width - 2 * left, height - 2 * top)
    film = rng.uniform(0.2, 0.6)
    colour = np.asarray(cv2.blur(colour, (5, 5)) * (1 - film) + film * rng.uniform(90, 200), np.uint8)
    colour = lit(colour, 1.12 - 0.5 * _creases(width, height, rng) + 0.12 * _creases(width, height, rng))
    _gloss(colour, rng)
    _gloss(colour, rng)
    cv2.polylines(colour, [outline], True, _tinted(product.colour, 0.6), 1, cv2.LINE_AA)
    return Sprite(colour, np.asarray(cv2.blur(opacity, (2, 2)), np.uint8), flat_top=False)


def _creases(width: int, height: int, rng: np.random.Generator) -> Light:
    """Ridges of crumpled film, 0 to 1: where a smooth random surface crosses zero it has a sharp fold."""
    return np.asarray(np.clip(1 - np.abs(smooth_noise(width, height, (5, 6), rng)), 0, 1), np.float32)


def _gloss(image: Raster, rng: np.random.Generator) -> None:
    """Lay the highlights and creases of transparent film over `image`."""
    height, width = image.shape[:2]
    film = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(6, 14))):
        start = rng.uniform(0, 1, 2) * (width, height)
        end = start + rng.normal(0, 0.28, 2) * (width, height)
        strength = float(rng.choice([70, 45, 30, -35]))
        cv2.line(
            film, start.astype(int).tolist(), end.astype(int).tolist(), strength, int(rng.integers(1, 3)), cv2.LINE_AA
        )
    film = np.asarray(cv2.blur(film, (2, 2)), np.float32)
    image[:] = np.clip(image + film[:, :, None], 0, 250).astype(np.uint8)


def _round(width: int, height: int) -> Light:
    """Brightness of an upright cylinder lit from the front left."""
    across = np.linspace(-1, 1, width)
    gleam = 0.12 * np.exp(-(((across + 0.35) / 0.12) ** 2))
    profile = 0.45 + 0.62 * np.sqrt(np.clip(1 - across**2, 0, 1)) + gleam
    return np.tile(profile.astype(np.float32), (height, 1))


def _tinted(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(245, int(channel * factor)) for channel in colour)
    return red, green, blue

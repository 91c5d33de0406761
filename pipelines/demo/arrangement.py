"""Where the items stand: on the floor or on each other, before and behind, each of them still to be seen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.demo.shelf import Shelf
from pipelines.demo.sprites import Sprite

MIN_VISIBLE = 0.7
"""Least share of an item's outline that no other item, lip or edge of the photograph hides."""

Mask = npt.NDArray[np.bool_]
_TRIES = 12


@dataclass(frozen=True)
class Placed:
    """A sprite on the photograph: centre in pixels, lean in degrees, scale, depth from 0 (front) to 1 (back)."""

    sprite: Sprite
    x: float
    y: float
    lean: float
    scale: float
    depth: float

    @property
    def reach(self) -> tuple[float, float]:
        """Half the width and half the height of the leaning sprite's bounding box, in pixels."""
        height, width = self.sprite.opacity.shape
        cos, sin = abs(np.cos(np.radians(self.lean))), abs(np.sin(np.radians(self.lean)))
        return self.scale * (width * cos + height * sin) / 2, self.scale * (width * sin + height * cos) / 2

    def matrix(self, left: int = 0, top: int = 0) -> npt.NDArray[np.float64]:
        """The affine transform, float64 [2, 3], from the sprite to a window of the photograph at `left`, `top`."""
        height, width = self.sprite.opacity.shape
        matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), self.lean, self.scale), np.float64)
        matrix[:, 2] += (self.x - width / 2 - left, self.y - height / 2 - top)
        return matrix

    def mask(self, shelf: Shelf) -> Mask:
        """The item's outline, bool [H, W], as if nothing stood before it."""
        cover = cv2.warpAffine(self.sprite.opacity, self.matrix(), (shelf.width, shelf.height))
        return np.asarray(cover > 127)


def arrange(sprites: Sequence[Sprite], shelf: Shelf, rng: np.random.Generator) -> list[Placed]:
    """Place every sprite so that at least `MIN_VISIBLE` of each is seen, all of them smaller if they do not fit.

    Returns:
        the placed sprites, in the order given.
    """
    scale = 1.0
    while (placed := _try_to_place(sprites, scale, shelf, rng)) is None:
        scale *= 0.92
    return placed


def visible_shares(placed: Sequence[Placed], shelf: Shelf) -> list[float]:
    """Share of each item's outline, 0 to 1, that no nearer item, lip or edge of the photograph hides."""
    return _shares([item.mask(shelf) for item in placed], [item.depth for item in placed], shelf.front_mask)


def nudge(placed: list[Placed], shelf: Shelf, rng: np.random.Generator) -> list[Placed]:
    """Move every item a little, as hands do between two photographs, unless that would hide one."""
    moved = [replace(item, x=item.x + rng.normal(0, 4), lean=item.lean + rng.normal(0, 2)) for item in placed]
    fits = all(_inside(item, shelf) for item in moved)
    return moved if fits and min(visible_shares(moved, shelf), default=1.0) >= MIN_VISIBLE else placed


def _try_to_place(
    sprites: Sequence[Sprite], scale: float, shelf: Shelf, rng: np.random.Generator
) -> list[Placed] | None:
    placed: list[Placed] = []
    masks: list[Mask] = []
    for sprite in sprites:
        for _ in range(_TRIES):
            item = _somewhere(sprite, scale, placed, shelf, rng)
            if not _inside(item, shelf):
                continue
            mask = item.mask(shelf)
            depths = [other.depth for other in (*placed, item)]
            if min(_shares([*masks, mask], depths, shelf.front_mask)) >= MIN_VISIBLE:
                placed.append(item)
                masks.append(mask)
                break
        else:
            return None
    return placed


def _shares(masks: Sequence[Mask], depths: Sequence[float], front: Mask) -> list[float]:
    covered = front.copy()
    shares = [0.0] * len(masks)
    for index in np.argsort(depths).tolist():
        shares[index] = np.count_nonzero(masks[index] & ~covered) / int(np.count_nonzero(masks[index]))
        covered |= masks[index]
    return shares


def _somewhere(
    sprite: Sprite, scale: float, placed: Sequence[Placed], shelf: Shelf, rng: np.random.Generator
) -> Placed:
    hosts = [item for item in placed if item.sprite.flat_top and abs(item.lean) < 4]
    if hosts and rng.random() < 0.35:
        return _on_top(sprite, scale, hosts[int(rng.integers(len(hosts)))], rng)
    depth = float(rng.uniform(0, 1))
    lean = float(rng.normal(0, 1.5) if rng.random() < 0.72 else rng.choice([-1, 1]) * rng.uniform(6, 24))
    item = Placed(sprite, 0, 0, lean, scale * (1 - 0.15 * depth), depth)
    half_width, half_height = item.reach
    margin = shelf.side_margin(depth) + half_width
    x = float(rng.uniform(shelf.left + margin, max(shelf.left + margin + 1, shelf.right - margin)))
    return replace(item, x=x, y=shelf.floor(depth) - half_height)


def _on_top(sprite: Sprite, scale: float, host: Placed, rng: np.random.Generator) -> Placed:
    """Stand on `host`, a hair nearer than it, so that the lower edge hides its top face."""
    depth = host.depth - 0.01
    item = Placed(sprite, 0, 0, host.lean, scale * (1 - 0.15 * depth), depth)
    host_width, host_height = host.reach
    x = host.x + float(rng.uniform(-0.35, 0.35)) * host_width
    return replace(item, x=x, y=host.y - 0.94 * host_height - item.reach[1] + 2)


def _inside(item: Placed, shelf: Shelf) -> bool:
    half_width, half_height = item.reach
    across = shelf.left <= item.x - half_width and item.x + half_width <= shelf.right
    return across and item.y - half_height >= shelf.top

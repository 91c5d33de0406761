"""The geometry of a fabric bin: where its back, floor and lips are in the picture, and what the lips hide."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Shelf:
    """Geometry of a bin seen from the front, in pixels.

    `top` and `front` are the edges of its two fabric lips, `left` and `right` those of its opening; `cut` is how much
    a photograph may leave out at every edge.
    """

    width: int
    height: int
    cut: int
    left: int
    right: int
    top: int
    front: int
    back_left: int
    back_right: int
    back_floor: int
    sag: int

    def floor(self, depth: float) -> float:
        """Height in the picture at which an item stands, from `depth` 0 (just behind the front lip) to 1 (back)."""
        nearest = self.front + 0.3 * (self.front - self.back_floor)
        return nearest + depth * (self.back_floor - nearest)

    def side_margin(self, depth: float) -> float:
        """Pixels by which the bin narrows towards the back."""
        return 0.5 * depth * min(self.back_left - self.left, self.right - self.back_right)

    @cached_property
    def front_mask(self) -> npt.NDArray[np.bool_]:
        """What the lips hide and what a photograph may leave out at its edges, bool [H, W]."""
        mask = np.zeros((self.height, self.width), np.uint8)
        for outline in (self.lip(self.front, self.height), self.lip(self.top, 0)):
            cv2.fillPoly(mask, [outline], 255)
        kept = slice(self.cut, self.height - self.cut), slice(self.cut, self.width - self.cut)
        hidden = np.ones(mask.shape, np.bool_)
        hidden[kept] = mask[kept] > 0
        return hidden

    def edge(self, level: int) -> npt.NDArray[np.int32]:
        """The sagging edge of a lip at this height in the picture, from left to right, int32 [N, 2]."""
        x = np.linspace(0, self.width, 24)
        y = level + self.sag * (1 - (2 * x / self.width - 1) ** 2)
        return np.stack([x, y], 1).astype(np.int32)

    def lip(self, level: int, outer: int) -> npt.NDArray[np.int32]:
        """Outline of a fabric lip between its edge at `level` and the rim `outer` of the picture, int32 [N, 2]."""
        return np.concatenate([self.edge(level), np.array([(self.width, outer), (0, outer)], np.int32)])

    @property
    def back_outline(self) -> npt.NDArray[np.int32]:
        """Corners of the back wall, int32 [4, 2]."""
        left, right, bottom = self.back_left, self.back_right, self.back_floor
        return np.array([(left, 0), (right, 0), (right, bottom), (left, bottom)], np.int32)

    @property
    def floor_outline(self) -> npt.NDArray[np.int32]:
        """Corners of the floor, which runs on under the front lip, int32 [4, 2]."""
        back = [(self.back_left, self.back_floor), (self.back_right, self.back_floor)]
        return np.array([*back, (self.width, self.height), (0, self.height)], np.int32)


def build_shelf(width: int, height: int, cut: int, rng: np.random.Generator) -> Shelf:
    """Choose how a bin is built in a picture of this size, of which a photograph may leave out `cut` pixels a side."""
    left, right = int(width * rng.uniform(0.01, 0.05)), int(width * rng.uniform(0.95, 0.99))
    top, front = int(height * rng.uniform(0.07, 0.13)), int(height * rng.uniform(0.84, 0.90))
    return Shelf(
        width=width,
        height=height,
        cut=cut,
        left=left,
        right=right,
        top=top,
        front=front,
        back_left=left + int(width * rng.uniform(0.03, 0.12)),
        back_right=right - int(width * rng.uniform(0.03, 0.12)),
        back_floor=front - int(height * rng.uniform(0.08, 0.2)),
        sag=int(height * rng.uniform(-0.015, 0.03)),
    )

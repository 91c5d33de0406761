"""Collect the images of one split and write a shard whenever enough are there."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steps.shards import write_shard


class Packer:
    """Writes the images it is given into shards, in that order, holding at most one shard in memory.

    Attributes:
        packed: how many images it was given.
    """

    def __init__(self, folder: Path, host: str, size: int, shard_images: int, expected: int) -> None:
        """Write nothing yet.

        Args:
            folder: the dataset's folder.
            host: name of this instance, which keeps shard names apart.
            size: height and width of the images, pixels.
            shard_images: images per shard.
            expected: how many images will be given at most; no more memory than for these is taken.
        """
        self.packed = 0
        self._folder = folder
        self._host = host
        self._shards = 0
        capacity = min(shard_images, expected)
        self._images = np.empty((capacity, size, size, 3), dtype=np.uint8)
        self._labels = np.empty(capacity, dtype=np.int64)
        self._ids: list[str] = []

    def add(self, image: NDArray[np.uint8], label: int, image_id: str) -> None:
        """Take one image, uint8 [size, size, 3], and write a shard when that fills it."""
        row = len(self._ids)
        self._images[row], self._labels[row] = image, label
        self._ids.append(image_id)
        self.packed += 1
        if len(self._ids) == len(self._images):
            self.flush()

    def flush(self) -> None:
        """Write the images that are not yet in a shard, if there are any."""
        rows = len(self._ids)
        if rows:
            name = f"{self._host}-{self._shards:05d}"
            write_shard(self._folder, name, self._images[:rows], self._labels[:rows], self._ids)
            self._shards += 1
            self._ids = []

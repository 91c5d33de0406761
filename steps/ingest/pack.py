"""Collect images in the order they were planned in and write a shard whenever one is complete."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from steps.catalog_files import CatalogImage, QuarantinedImage
from steps.decoding import Pixels
from steps.ingest.plan import PlannedShard
from steps.ingest.records import ShardRecord, write_record
from steps.shards import write_shard


class Packer:
    """Writes planned shards one after the other, holding one of them in memory.

    Attributes:
        records: what became of each shard that was written, in their order.
    """

    def __init__(self, folders: Mapping[str, Path], shards: Sequence[PlannedShard], size: int) -> None:
        """Write nothing yet.

        Args:
            folders: the dataset's folder of each split.
            shards: what will be given, image by image.
            size: height and width of the images, pixels.
        """
        self.records: list[ShardRecord] = []
        self._folders = folders
        self._shards = iter(shards)
        self._images = np.empty((max((len(shard.rows) for shard in shards), default=0), size, size, 3), np.uint8)
        self._begin()

    def add(self, image: Pixels | QuarantinedImage) -> None:
        """Take the next planned image, uint8 [size, size, 3] or why there is none; write the shard when it is complete.

        Raises:
            RuntimeError: all planned images have been given.
        """
        if self._shard is None:
            raise RuntimeError("more images were given than planned")
        if isinstance(image, QuarantinedImage):
            self._quarantined.append(image)
        else:
            self._images[len(self._packed)] = image
            self._packed.append(self._shard.rows[self._given])
        self._given += 1
        if self._given == len(self._shard.rows):
            self._finish(self._shard)
            self._begin()

    def _begin(self) -> None:
        self._shard = next(self._shards, None)
        self._given = 0
        self._packed: list[CatalogImage] = []
        self._quarantined: list[QuarantinedImage] = []

    def _finish(self, shard: PlannedShard) -> None:
        folder, rows = self._folders[shard.split], self._packed
        if rows:
            labels = np.array([row.label for row in rows], np.int64)
            write_shard(folder, shard.name, self._images[: len(rows)], labels, [row.id for row in rows])
        record = ShardRecord(fingerprint=shard.fingerprint, packed=len(rows), quarantined=tuple(self._quarantined))
        # After the shard: a record without its shard would be taken for finished work.
        write_record(folder, shard, record)
        self.records.append(record)

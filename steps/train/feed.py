"""Batches of packed images, each read from disk while the one before it is computed on."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steps.shards import Shards


@dataclass(frozen=True)
class Batch:
    """Images uint8 [N, size, size, 3] and labels int64 [N], on one device."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def batch_sizes(images: int, batch_size: int, smallest: int = 1) -> list[int]:
    """How many images each batch of `batches` holds for an order of `images`."""
    full, rest = divmod(images, batch_size)
    return [batch_size] * full + [rest] * (rest >= smallest)


def batches(
    shards: Shards, order: NDArray[np.int64], batch_size: int, device: torch.device, smallest: int = 1
) -> Iterator[Batch]:
    """Read the images `order` of `shards` in batches, one batch ahead in a background thread.

    Args:
        shards: the images.
        order: int64, positions in `shards`.
        batch_size: images per batch; the last may be smaller.
        device: where the batches are wanted.
        smallest: a last batch of fewer images is left out.
    """
    starts = [number * batch_size for number in range(len(batch_sizes(len(order), batch_size, smallest)))]

    def read(start: int) -> Batch:
        rows = order[start : start + batch_size]
        images, labels = torch.from_numpy(shards.images(rows)), torch.from_numpy(shards.labels[rows])
        # A copy to a GPU overlaps computing only from pinned memory.
        return Batch(images.pin_memory(), labels.pin_memory()) if device.type == "cuda" else Batch(images, labels)

    for batch in _one_ahead(read, starts):
        yield Batch(batch.images.to(device, non_blocking=True), batch.labels.to(device, non_blocking=True))


def _one_ahead(read: Callable[[int], Batch], starts: Iterable[int]) -> Iterator[Batch]:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="feed") as reader:
        ahead: Future[Batch] | None = None
        for start in starts:
            current, ahead = ahead, reader.submit(read, start)
            if current is not None:
                yield current.result()
        if ahead is not None:
            yield ahead.result()

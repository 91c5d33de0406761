"""Batches of packed images, read from disk while those before them are computed on."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steps.shards import Shards
from steps.train.hosts.team import ALONE, Slice, Team

READERS, AHEAD = 2, 3
"""Threads that read, so that a disk has two wishes at a time; and batches read ahead, so that a slow read now and then
is not waited for."""


@dataclass(frozen=True)
class Batch:
    """Images uint8 [N, size, size, 3] and labels int64 [N], on one device; `weight` as in `team.Slice`."""

    images: Tensor
    labels: Tensor
    weight: float = 1.0

    def __len__(self) -> int:
        return len(self.labels)


def batch_sizes(images: int, batch_size: int, smallest: int = 1) -> list[int]:
    """How many images each batch of `batches` holds for an order of `images`."""
    full, rest = divmod(images, batch_size)
    return [batch_size] * full + [rest] * (rest >= smallest)


def batches(
    shards: Shards,
    order: NDArray[np.int64],
    batch_size: int,
    device: torch.device,
    smallest: int = 0,
    team: Team = ALONE,
    skipped: int = 0,
) -> Iterator[Batch]:
    """Read the images `order` of `shards` in batches, up to `AHEAD` batches ahead in background threads.

    Args:
        shards: the images.
        order: int64, positions in `shards`.
        batch_size: images per batch of the whole team; the last may be smaller.
        device: where the batches are wanted.
        smallest: a last batch of fewer images for each process of the team is left out; with 0, a process with no image
            in the last batch gets an empty one.
        team: whose batches these are; this process reads its part of each.
        skipped: batches that were read before.
    """

    def read(part: Slice) -> Batch:
        images, labels = torch.from_numpy(shards.images(part.rows)), torch.from_numpy(shards.labels[part.rows])
        # Only from pinned memory does a copy to a GPU go on by itself.
        if device.type == "cuda":
            images, labels = images.pin_memory(), labels.pin_memory()
        return Batch(images, labels, part.weight)

    for batch in _ahead(read, team.slices(order, batch_size, smallest)[skipped:]):
        images, labels = (tensor.to(device, non_blocking=True) for tensor in (batch.images, batch.labels))
        yield Batch(images, labels, batch.weight)


def _ahead(read: Callable[[Slice], Batch], parts: Iterable[Slice]) -> Iterator[Batch]:
    with ThreadPoolExecutor(READERS, thread_name_prefix="feed") as readers:
        waiting: deque[Future[Batch]] = deque()
        try:
            for part in parts:
                waiting.append(readers.submit(read, part))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            readers.shutdown(cancel_futures=True)

"""Batches of packed images, each read from disk while the one before it is computed on."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steps.shards import Shards
from steps.train.team import ALONE, Slice, Team


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
    """Read the images `order` of `shards` in batches, one batch ahead in a background thread.

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
        # A copy to a GPU overlaps computing only from pinned memory.
        if device.type == "cuda":
            images, labels = images.pin_memory(), labels.pin_memory()
        return Batch(images, labels, part.weight)

    for batch in _one_ahead(read, team.slices(order, batch_size, smallest)[skipped:]):
        images, labels = (tensor.to(device, non_blocking=True) for tensor in (batch.images, batch.labels))
        yield Batch(images, labels, batch.weight)


def _one_ahead(read: Callable[[Slice], Batch], parts: Iterable[Slice]) -> Iterator[Batch]:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="feed") as reader:
        ahead: Future[Batch] | None = None
        for part in parts:
            current, ahead = ahead, reader.submit(read, part)
            if current is not None:
                yield current.result()
        if ahead is not None:
            yield ahead.result()

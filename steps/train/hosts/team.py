"""The processes that train one model together: which images each takes, and what they tell each other."""

import gc
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as group
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from steps.contract import StepError


@dataclass(frozen=True)
class Slice:
    """One process's part of one batch.

    Attributes:
        rows: int64, positions of its images.
        weight: what the mean loss over these images counts, so that the mean over all processes is the batch's mean.
    """

    rows: NDArray[np.int64]
    weight: float


@dataclass(frozen=True)
class Team:
    """This process's place among those that train one model; alone unless it has joined others.

    All processes hold the same weights and take every step together. A batch is the whole team's: how many processes
    share it changes the speed, not what is learnt. Batch normalisation alone sees only its process's images, as usual
    in PyTorch; the running statistics kept are those of the first process.

    Attributes:
        rank: number of this process, from 0.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the one process that writes lines, checkpoints and the model."""
        return self.rank == 0

    def slices(self, order: NDArray[np.int64], batch_size: int, smallest: int = 0) -> list[Slice]:
        """Divide an epoch: the same number of steps for every process, and each image to one of them.

        Args:
            order: int64, positions of the epoch's images, the same for every process.
            batch_size: images per step of the whole team.
            smallest: images that every process needs in a step; a last batch with too few for that is left out.

        Raises:
            StepError: not even a full batch has as many.
        """
        if batch_size < smallest * self.size:
            raise StepError(
                f"batch_size is {batch_size}, but {self.size} processes share each batch and need {smallest} images "
                f"each: set it to {smallest * self.size} or more"
            )
        starts = range(0, len(order), batch_size)
        batches = [order[start : start + batch_size] for start in starts]
        return [
            Slice(rows := batch[self.rank :: self.size], len(rows) * self.size / len(batch))
            for batch in batches
            if len(batch) >= smallest * self.size
        ]

    def total(self, values: Tensor) -> Tensor:
        """The sum of every process's `values`, on the CPU."""
        own = values.detach().cpu().clone()
        if self.size > 1:
            group.all_reduce(own)
        return own

    def agree(self, wish: bool) -> bool:
        """Whether any process wishes it; told over the CPU, so that no GPU is waited for."""
        return bool(self.total(torch.tensor(int(wish))))

    def share(self, content: bytes) -> bytes:
        """The first process's `content`."""
        if self.size == 1:
            return content
        length = int(self.total(torch.tensor(len(content) if self.leads else 0)))
        shared = np.frombuffer(content, np.uint8).copy() if self.leads else np.empty(length, np.uint8)
        if length:
            group.broadcast(torch.from_numpy(shared), 0)
        return shared.tobytes()

    def wait(self) -> None:
        """Wait until every process is here."""
        self.agree(False)

    def join(self, model: nn.Module) -> nn.Module:
        """`model`, whose gradients are from now on the mean over the team, and whose buffers are the first process's.

        Its parameters are the same objects, so that an optimiser of them goes on working.
        """
        return model if self.size == 1 else DistributedDataParallel(model)

    def align(self, model: nn.Module) -> None:
        """Take over the first process's buffers, such as the running statistics of batch normalisation."""
        if self.size > 1:
            for buffer in model.buffers():
                group.broadcast(buffer, 0)


ALONE = Team()
"""One process that trains by itself."""


def leave() -> None:
    """Take this process out of the team; models that joined it must no longer be in use.

    A joined model is part of reference cycles that hold the connections. Were those left to the end of Python, their
    threads would ask for its lock when it is no longer given, and Gloo would abort a process that has done its work.
    """
    gc.collect()
    group.destroy_process_group()

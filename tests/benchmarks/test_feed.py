"""The feed never limits the step: steps on batches from disk against steps on a batch that is already in memory."""

import os
import statistics
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from steps.preprocessing import Preprocessing
from steps.shards import Dataset, Shards, write_dataset, write_shard
from steps.train.device import choose_compute
from steps.train.feed import Batch, batches
from steps.train.learner import Learner
from steps.train.recipe.augment import augment
from steps.train.settings import TrainSettings
from steps.train.stopwatch import Stopwatch

pytestmark = pytest.mark.benchmark

COMPUTE = choose_compute()
ON_GPU = COMPUTE.device.type == "cuda"
SIZE, BATCH, STEPS, ROUNDS = (224, 128, 40, 5) if ON_GPU else (96, 32, 6, 5)
SETTINGS = TrainSettings(architecture="resnet34" if ON_GPU else "resnet18", batch_size=BATCH)
AIM = 1.1
"""Largest ratio of the two times."""


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    """As many images as a round takes."""
    random = np.random.default_rng(0)
    write_dataset(tmp_path, Dataset(classes=tuple(map(str, range(6))), preprocessing=Preprocessing(size=SIZE)))
    for number, start in enumerate(range(0, STEPS * BATCH, 512)):
        images = random.integers(0, 256, (min(512, STEPS * BATCH - start), SIZE, SIZE, 3), dtype=np.uint8)
        ids = [f"{start + row}" for row in range(len(images))]
        write_shard(tmp_path, f"algo-1-{number:05d}", images, np.arange(len(images)) % 6, ids)
    return Shards(tmp_path)


def read(shards: Shards) -> Iterator[Batch]:
    order = np.random.default_rng(1).permutation(len(shards))
    return batches(shards, order, BATCH, COMPUTE.device)


def forget(folder: Path) -> None:
    """Drop the files of `folder` from the page cache, so that they are read from disk again."""
    for file in folder.rglob("*.npy"):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def wait() -> None:
    if ON_GPU:
        torch.cuda.synchronize()


def test_steps_on_read_batches_take_as_long_as_on_a_batch_in_memory(
    shards: Shards, tmp_path: Path, make_learner: Callable[..., Learner], rates: Callable, show: Callable
) -> None:
    learner = make_learner(SETTINGS)
    ready = next(read(shards))
    generator = torch.Generator(COMPUTE.device)
    waits: list[float] = []

    def learn(feed: Iterator[Batch]) -> None:
        watch = Stopwatch(COMPUTE.device)
        for _ in range(STEPS):
            seconds = learner.step(feed, [BATCH], watch).seconds
            watch.next_step()
            if seconds is not None and not isinstance(feed, repeat):
                waits.append(seconds.data / sum(vars(seconds).values()))
        wait()

    def learn_from_disk() -> None:
        forget(tmp_path)
        learn(read(shards))

    def only_augment() -> None:
        for _ in range(STEPS):
            augment(ready.images, SETTINGS, generator)
        wait()

    measured = rates(
        {
            "a batch in memory": lambda: learn(repeat(ready)),
            "shards in the page cache": lambda: learn(read(shards)),
            "shards on disk": learn_from_disk,
            "augmentation alone": only_augment,
        },
        STEPS * BATCH,
        ROUNDS,
    )
    title = f"learning {SETTINGS.architecture} at {SIZE} px, batches of {BATCH}, on {COMPUTE}"
    show(title, "images", measured, "a batch in memory")
    memory = measured["a batch in memory"]
    for name in ("shards in the page cache", "shards on disk"):
        ratio = statistics.median(a / b for a, b in zip(memory, measured[name], strict=True))
        Console().print(f"step on {name} / on a batch in memory: {ratio:.3f}, aim at most {AIM}")
    Console().print(
        f"waiting for a read batch is {statistics.median(waits):.2%} of the step, mean {np.mean(waits):.2%}"
    )
    share = statistics.median(a / b for a, b in zip(memory, measured["augmentation alone"], strict=True))
    Console().print(f"augmentation is {share:.1%} of the step, aim at most 8 %")

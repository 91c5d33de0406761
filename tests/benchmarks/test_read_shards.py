"""How fast training gets its batches: from shards, and from a folder of photos as torchvision reads it."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from steps.images import preprocess
from steps.preprocessing import Preprocessing
from steps.shards import Dataset, Shards, write_dataset, write_shard
from steps.train.feed import batches
from steps.train.recipe.augment import augment
from steps.train.settings import TrainSettings

pytestmark = pytest.mark.benchmark

SIZE = 224
BATCH = 64
IMAGES = 1024
CLASSES = tuple(map(str, range(6)))
ROUNDS = 5
CHANGES = TrainSettings(rotation=0, zoom=0, shift=0, contrast=0)
"""Flips and brightness, which both sides do."""
CPU = torch.device("cpu")


@pytest.fixture
def photos(request: pytest.FixtureRequest) -> list[bytes]:
    """`IMAGES` photos, some of them several times."""
    kind = "real_photos" if _has_real_photos(request) else "simulated_photos"
    found = request.getfixturevalue(kind)
    return [found[number % len(found)] for number in range(IMAGES)]


def _has_real_photos(request: pytest.FixtureRequest) -> bool:
    try:
        request.getfixturevalue("real_photos")
    except pytest.skip.Exception:
        return False
    return True


def as_shards(photos: list[bytes], folder: Path) -> Shards:
    how = Preprocessing(size=SIZE)
    write_dataset(folder, Dataset(classes=CLASSES, preprocessing=how))
    for number, start in enumerate(range(0, IMAGES, 512)):
        part = photos[start : start + 512]
        labels = np.arange(start, start + len(part)) % len(CLASSES)
        pixels = np.stack([preprocess(photo, how) for photo in part])
        write_shard(folder, f"algo-1-{number:05d}", pixels, labels, [f"{start + row}" for row in range(len(part))])
    return Shards(folder)


def as_folder(photos: list[bytes], folder: Path, *transforms: Any) -> DataLoader[Any]:
    for number, photo in enumerate(photos):
        file = folder / CLASSES[number % len(CLASSES)] / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(photo)
    dataset = ImageFolder(str(folder), v2.Compose([v2.Resize((SIZE, SIZE)), *transforms]))
    return DataLoader(dataset, BATCH, shuffle=True, num_workers=2, persistent_workers=True)


def consume(items: Iterable[Any]) -> None:
    for _ in items:
        pass


def test_batches_for_training(photos: list[bytes], tmp_path: Path, rates: Callable, show: Callable) -> None:
    shards = as_shards(photos, tmp_path / "shards")
    plain = as_folder(photos, tmp_path / "photos", v2.PILToTensor())
    changed = as_folder(
        photos,
        tmp_path / "photos",
        v2.RandomHorizontalFlip(),
        v2.ColorJitter(brightness=CHANGES.brightness),
        v2.PILToTensor(),
        v2.ToDtype(torch.float32),
    )
    order, randomness = np.random.default_rng(0), torch.Generator().manual_seed(0)

    def read() -> Iterable[Any]:
        return batches(shards, order.permutation(len(shards)), BATCH, CPU)

    measured = rates(
        {
            "ImageFolder, 2 workers": lambda: consume(plain),
            "shards": lambda: consume(read()),
            "ImageFolder, 2 workers, augmented": lambda: consume(changed),
            "shards, augmented": lambda: consume(augment(batch.images, CHANGES, randomness) for batch in read()),
        },
        IMAGES / BATCH,
        ROUNDS,
    )
    title = f"batches of {BATCH} images of {SIZE} px in random order, {torch.get_num_threads()} threads"
    for kind in ("", ", augmented"):
        names = [f"ImageFolder, 2 workers{kind}", f"shards{kind}"]
        show(title + kind, "batches", {name: measured[name] for name in names}, names[0])

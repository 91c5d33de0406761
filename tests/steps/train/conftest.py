"""What the tests of the train step share: tiny packed images of bright squares to count, and a model of them."""

import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from steps.preprocessing import Preprocessing
from steps.shards import Dataset, write_dataset, write_shard
from steps.train.settings import TrainSettings
from steps.train.train import TrainResult, train

SIZE = 32
CLASSES = ("0", "1", "2", "3")
CORNERS = ((2, 2), (2, 18), (18, 2), (18, 18))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Compute in one thread: on cores that others use, two threads wait for each other and are many times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def pack() -> Callable[..., Path]:
    """Pack images of noise in which as many bright squares lie as the label says, in shards of at most 50."""

    def pack(folder: Path, images: int, seed: int = 0, classes: tuple[str, ...] = CLASSES, size: int = SIZE) -> Path:
        random = np.random.default_rng(seed)
        write_dataset(folder, Dataset(classes=classes, preprocessing=Preprocessing(size=size)))
        labels = np.arange(images) % len(CLASSES)
        pixels = random.integers(0, 80, (images, size, size, 3), dtype=np.uint8)
        for image, label in zip(pixels, labels, strict=True):
            for top, left in random.permutation(CORNERS)[:label]:
                image[top : top + 10, left : left + 10] = random.integers(180, 256, 3)
        for start in range(0, images, 50):
            rows = slice(start, start + 50)
            ids = [f"{number:05d}" for number in range(images)[rows]]
            write_shard(folder, f"algo-1-{start:05d}", pixels[rows], labels[rows], ids)
        return folder

    return pack


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory, pack: Callable[..., Path]) -> Path:
    """A folder with 128 images to train on and 40 to validate on."""
    folder = tmp_path_factory.mktemp("shards")
    pack(folder / "train", 128, seed=1)
    pack(folder / "validation", 40, seed=2)
    return folder


@dataclass(frozen=True)
class Trained:
    """A finished training: its result, the folder of the model, and what was printed."""

    result: TrainResult
    model: Path
    log: str


@pytest.fixture(scope="session")
def settings() -> TrainSettings:
    """Settings that learn to count squares in seconds."""
    return TrainSettings(architecture="resnet18", epochs=8, batch_size=16, learning_rate=2e-3, weight_decay=0.05)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, shards: Path, settings: TrainSettings) -> Trained:
    """The counter of squares."""
    model = tmp_path_factory.mktemp("model")
    with redirect_stdout(io.StringIO()) as log:
        result = train(settings, shards / "train", shards / "validation", model, "squares")
    return Trained(result, model, log.getvalue())

"""One run of one recipe: train, answer the test photos with the exported model, keep the answers."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from packed_photos import Data

from steps.scoring import answer
from steps.shards import Shards
from steps.signature import read_signature
from steps.train.settings import TrainSettings
from steps.train.train import train

ANSWERS, FIGURES = "answers.npz", "figures.json"


@dataclass(frozen=True)
class Run:
    """What a run answered.

    Attributes:
        predictions: int64 [N], index of the class answered for each test photo.
        means: float64 [N], mean index of the answered probabilities.
        cpu_seconds: what training took of a core.
    """

    predictions: NDArray[np.int64]
    means: NDArray[np.float64]
    cpu_seconds: float

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The run that was kept in `folder`, if it was carried to its end."""
        if not (folder / FIGURES).is_file():
            return None
        with np.load(folder / ANSWERS) as answers:
            seconds = json.loads((folder / FIGURES).read_text())["cpu_seconds"]
            return cls(answers["predictions"], answers["means"], seconds)


def carry_out(changes: dict[str, Any], data: Data, folder: Path) -> None:
    """Train with the defaults of the train step but for `changes`; keep model and answers in `folder`."""
    settings = TrainSettings.model_validate(changes)
    model = folder / "model"
    model.mkdir(parents=True, exist_ok=True)
    start = time.process_time()
    train(settings, data.split("train"), data.split("validation"), model, folder.name)
    seconds = time.process_time() - start
    answers = answer(model, read_signature(model), Shards(data.split("test")), batch_size=64)
    means = answers.probabilities.astype(np.float64) @ np.arange(answers.probabilities.shape[1])
    np.savez(folder / ANSWERS, predictions=answers.predictions, means=means)
    figures = {"settings": settings.model_dump(mode="json"), "cpu_seconds": seconds}
    (folder / FIGURES).write_text(json.dumps(figures, indent=2))

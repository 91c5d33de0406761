"""What training says while it runs; SageMaker's metric regexes read the epochs' lines."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from steps.train.settings import METRICS
from steps.train.tally import Scores

INTERVAL_SECONDS = 5.0
"""Time between two lines inside an epoch."""


@dataclass(frozen=True)
class EpochFigures:
    """What an epoch came to.

    Attributes:
        epoch: from 1.
        train_loss: mean loss over the epoch's training images, as they were when they were learnt from.
        train_accuracy: share of them answered right, 0 to 1.
        train_rmse: root mean squared error on them, in items; None where classes are names.
        images_per_second: training images per second of training, validation not counted.
        validation_loss: mean cross-entropy over the validation images after the epoch.
        validation_accuracy: share of validation images answered right, 0 to 1.
        validation_rmse: root mean squared error on the validation images, in items; None where classes are names.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    train_rmse: float | None
    images_per_second: float
    validation_loss: float
    validation_accuracy: float
    validation_rmse: float | None

    @classmethod
    def of(cls, epoch: int, learnt: Scores, images_per_second: float, validated: Scores, counts: bool) -> Self:
        """The figures of scores while learning and scores after it; `counts` tells whether classes are counts."""
        return cls(
            epoch=epoch,
            train_loss=learnt.loss,
            train_accuracy=learnt.accuracy,
            train_rmse=learnt.rmse if counts else None,
            images_per_second=images_per_second,
            validation_loss=validated.loss,
            validation_accuracy=validated.accuracy,
            validation_rmse=validated.rmse if counts else None,
        )

    def metrics(self) -> Mapping[str, float]:
        """The figures by the name SageMaker shows; those that there are."""
        values = (
            self.train_loss,
            self.train_accuracy,
            self.train_rmse,
            self.images_per_second,
            self.validation_loss,
            self.validation_accuracy,
            self.validation_rmse,
        )
        return {name: value for name, value in zip(METRICS, values, strict=True) if value is not None}


def say(line: str) -> None:
    """Write one line to the job's log at once."""
    print(line, flush=True)  # noqa: T201 - the container's log is its standard output


def say_figures(epochs: int, figures: EpochFigures) -> None:
    """Write an epoch's figures as `epoch=3/10; name=value; ...;`."""
    values = " ".join(f"{name}={value:.4f};" for name, value in figures.metrics().items())
    say(f"epoch={figures.epoch}/{epochs}; {values}")


class Pace:
    """Counts an epoch's images against the clock.

    Attributes:
        done: images counted so far.
    """

    def __init__(self, images: int) -> None:
        """Start the clock of an epoch of `images` images."""
        self._images = images
        self.done = 0
        self._started = self._said = time.monotonic()

    def add(self, images: int) -> None:
        """Count `images` more."""
        self.done += images

    def is_due(self) -> bool:
        """Whether the last line was long enough ago for another, with images still to come."""
        return time.monotonic() - self._said >= INTERVAL_SECONDS and self.done < self._images

    def say(self, epoch: int, epochs: int) -> None:
        """Write how far the epoch is; the words are none of the metrics' names."""
        say(f"epoch={epoch}/{epochs}; {self.done} of {self._images} images; {self.images_per_second():.1f} images/s")
        self._said = time.monotonic()

    def images_per_second(self) -> float:
        """Images per second since the start."""
        return self.done / max(time.monotonic() - self._started, 1e-9)

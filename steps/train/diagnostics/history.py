"""What is remembered of a training run: the facts that rules judge and the report shows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MOST_LOSSES = 400
"""Points of the curve of the loss; beyond that, neighbours are averaged."""


@dataclass(frozen=True)
class Seconds:
    """Mean time of a step, by what it was spent on, seconds."""

    data: float
    forward: float
    backward: float
    optimizer: float

    @property
    def total(self) -> float:
        """Time of a step."""
        return self.data + self.forward + self.backward + self.optimizer


@dataclass(frozen=True)
class StepRecord:
    """A step that was looked at closely.

    Attributes:
        epoch: from 1.
        step: optimiser steps so far, this one included.
        learning_rate: the rate of the step.
        gradient_norms: L2 norm of the gradient of each layer's weight.
        gradient_means: mean absolute gradient of each layer's weight.
        weight_norms: L2 norm of each layer's weight.
        dead_shares: of each rectifier, the share of its units that are hardly ever active, 0 to 1.
        input_variances: variance of what each activation function was given.
        seconds: mean of the steps since the record before; None where none was measured.
        memory_gb: resident memory of the process, 10^9 bytes.
        gpu_memory_gb: most memory PyTorch ever held on the GPU, 10^9 bytes; None without a GPU.
        device_use: how busy the device was since the record before, 0 to 1; None where that cannot be told.
    """

    epoch: int
    step: int
    learning_rate: float
    gradient_norms: Mapping[str, float]
    gradient_means: Mapping[str, float]
    weight_norms: Mapping[str, float]
    dead_shares: Mapping[str, float] = field(default_factory=dict)
    input_variances: Mapping[str, float] = field(default_factory=dict)
    seconds: Seconds | None = None
    memory_gb: float = 0.0
    gpu_memory_gb: float | None = None
    device_use: float | None = None


@dataclass(frozen=True)
class EpochRecord:
    """An epoch: its number from 1, the steps done when it ended, and its figures by the name SageMaker shows."""

    epoch: int
    step: int
    figures: Mapping[str, float]


@dataclass(frozen=True)
class LossPoint:
    """Mean loss of neighbouring steps, of which `step` was the last."""

    step: int
    loss: float


class Losses:
    """The loss of every step; when there are too many, each point becomes the mean of two neighbours.

    Attributes:
        points: whole points, oldest first; at most `MOST_LOSSES`.
    """

    def __init__(self) -> None:
        """Begin with no step."""
        self.points: list[LossPoint] = []
        self._width = 1
        self._waiting: list[float] = []

    def add(self, step: int, losses: Iterable[float]) -> None:
        """Append the losses of successive steps, of which `step` was the last."""
        waiting = list(losses)
        for number, loss in enumerate(waiting, start=step - len(waiting) + 1):
            self._waiting.append(loss)
            if len(self._waiting) == self._width:
                self.points.append(LossPoint(number, sum(self._waiting) / self._width))
                self._waiting.clear()
            if len(self.points) > MOST_LOSSES:
                self._halve()

    def _halve(self) -> None:
        last = self.points.pop() if len(self.points) % 2 else None
        pairs = zip(self.points[::2], self.points[1::2], strict=True)
        self.points = [LossPoint(second.step, (first.loss + second.loss) / 2) for first, second in pairs]
        if last is not None:
            self._waiting = [last.loss] * self._width
        self._width *= 2


@dataclass
class History:
    """One training run so far.

    Attributes:
        classes: classes of the dataset.
        device: what trains, such as `cpu` or the GPU's name.
        steps: steps that were looked at, oldest first; thinned out as they become many.
        losses: the loss of all steps.
        epochs: epochs that ended.
    """

    classes: int
    device: str
    steps: list[StepRecord] = field(default_factory=list)
    losses: Losses = field(default_factory=Losses)
    epochs: list[EpochRecord] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether the first step is among those seen: not in a run that goes on from a checkpoint."""
        return bool(self.steps) and self.steps[0].step == 1

    def now(self) -> tuple[int, int]:
        """Epoch and step of the latest record; zeros before the first."""
        records: list[StepRecord | EpochRecord] = [*self.steps[-1:], *self.epochs[-1:]]
        if not records:
            return (0, 0)
        latest = max(records, key=lambda record: record.step)
        return latest.epoch, latest.step

"""What diagnostics.json holds."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from steps.figures import Part
from steps.train.diagnostics.finding import Finding
from steps.train.diagnostics.history import EpochRecord, History, StepRecord


def _short(value: float | None) -> float | None:
    return float(f"{value:.4g}") if value is not None and math.isfinite(value) else None


Short = Annotated[float | None, BeforeValidator(_short)]
"""A number of four digits; None where there is none, or it is infinite or not a number."""

Column = tuple[Short, ...]


class Epochs(Part):
    """The epochs that ended; each column has an entry per epoch."""

    epoch: tuple[int, ...] = Field(description="from 1")
    step: tuple[int, ...] = Field(description="optimiser steps done when it ended")
    figures: dict[str, Column] = Field(description="by the name SageMaker shows")


class LossCurve(Part):
    """The training loss; each point is the mean of the steps since the point before."""

    step: tuple[int, ...]
    loss: Column


class Looks(Part):
    """The steps that were looked at closely; each column has an entry per step."""

    epoch: tuple[int, ...]
    step: tuple[int, ...]
    learning_rate: Column
    gradient_norms: dict[str, Column] = Field(description="by layer, L2 norm of the gradient of its weight")
    gradient_means: dict[str, Column] = Field(description="by layer, mean absolute gradient of its weight")
    weight_norms: dict[str, Column] = Field(description="by layer, L2 norm of its weight")
    dead_shares: dict[str, Column] = Field(description="by rectifier, share of its units that are hardly ever active")
    input_variances: dict[str, Column] = Field(description="by activation function, variance of its input")
    data_seconds: Column = Field(description="of a step, waiting for images")
    forward_seconds: Column = Field(description="of a step, augmentation, network and loss")
    backward_seconds: Column = Field(description="of a step, gradients")
    optimizer_seconds: Column = Field(description="of a step, the change of the weights")
    memory_gb: Column = Field(description="resident memory of the process, 10^9 bytes")
    gpu_memory_gb: Column = Field(description="most memory PyTorch ever held on the GPU, 10^9 bytes")
    device_use: Column = Field(description="how busy the GPU, or the CPU's threads, were, 0 to 1")


class Diagnosis(Part):
    """The content of diagnostics.json."""

    training_job: str
    device: str = Field(description="what trained, such as CPU or the GPU's name")
    classes: int
    findings: tuple[Finding, ...] = Field(description="what the rules found, the worst first")
    epochs: Epochs
    losses: LossCurve
    looks: Looks


SEVERITIES = ("critical", "warning", "advice")


def diagnose(history: History, findings: Sequence[Finding], training_job: str) -> Diagnosis:
    """Put together what is told of a run."""
    points = history.losses.points
    return Diagnosis(
        training_job=training_job,
        device=history.device,
        classes=history.classes,
        findings=tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))),
        epochs=_epochs(history.epochs),
        losses=LossCurve(step=[point.step for point in points], loss=[point.loss for point in points]),
        looks=_looks(history.steps),
    )


def _epochs(records: Sequence[EpochRecord]) -> Epochs:
    return Epochs(
        epoch=[record.epoch for record in records],
        step=[record.step for record in records],
        figures=_by_name([record.figures for record in records]),
    )


def _looks(records: Sequence[StepRecord]) -> Looks:
    def column(value: Callable[[StepRecord], float | None]) -> list[float | None]:
        return [value(record) for record in records]

    return Looks(
        epoch=[record.epoch for record in records],
        step=[record.step for record in records],
        learning_rate=column(lambda record: record.learning_rate),
        gradient_norms=_by_name([record.gradient_norms for record in records]),
        gradient_means=_by_name([record.gradient_means for record in records]),
        weight_norms=_by_name([record.weight_norms for record in records]),
        dead_shares=_by_name([record.dead_shares for record in records]),
        input_variances=_by_name([record.input_variances for record in records]),
        data_seconds=column(lambda record: record.seconds.data if record.seconds else None),
        forward_seconds=column(lambda record: record.seconds.forward if record.seconds else None),
        backward_seconds=column(lambda record: record.seconds.backward if record.seconds else None),
        optimizer_seconds=column(lambda record: record.seconds.optimizer if record.seconds else None),
        memory_gb=column(lambda record: record.memory_gb),
        gpu_memory_gb=column(lambda record: record.gpu_memory_gb),
        device_use=column(lambda record: record.device_use),
    )


def _by_name(rows: Sequence[Mapping[str, float]]) -> dict[str, list[float | None]]:
    """Columns by name, in the order in which the names first appear."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}

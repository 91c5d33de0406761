"""What evaluation.json holds: SageMaker's model quality form, which Studio shows, and our own block on counting."""

import math

import numpy as np
from pydantic import Field

from steps import metrics
from steps.figures import Part, Rounded
from steps.metrics import Labels
from steps.preprocessing import ContrastRule, ResizeRule
from steps.signature import Signature


class Metric(Part):
    """A figure, and the standard deviation it would have over other test sets of this size."""

    value: Rounded
    standard_deviation: float = Field(ge=0, description="formulas: the *_standard_error functions of steps/metrics.py")


class ClassificationMetrics(Part):
    """The model as a classifier: an answer is right or wrong."""

    accuracy: Metric = Field(description="share of right answers, 0 to 1")
    confusion_matrix: dict[str, dict[str, int]] = Field(description="images by true class, then by answered class")


class RegressionMetrics(Part):
    """The model as a counter: an answer is so many items off."""

    rmse: Metric = Field(description="root mean squared error, items")
    mae: Metric = Field(description="mean absolute error, items")


class ClassResult(Part):
    """The scores of the images of one true class; null where the test split has none of them."""

    name: str = Field(alias="class")
    images: int
    accuracy: float | None = Field(description="0 to 1")
    rmse: float | None = Field(description="items")
    mae: float | None = Field(description="items")


class Baseline(Part):
    """What one gets without looking at the image."""

    commonest: str = Field(description="the class most images have")
    accuracy: float = Field(description="of always answering the commonest class: the most a constant answer reaches")
    rmse: float = Field(description="of always answering the commonest class, items")
    within_one: float = Field(description="of always answering the commonest class, 0 to 1")
    best_constant: str = Field(description="the class which, always answered, has the lowest RMSE")
    best_constant_rmse: float = Field(description="items")


class Provenance(Part):
    """Which model was scored, and how."""

    architecture: str
    training_job: str
    classes: tuple[str, ...]
    size: int = Field(description="height and width of the input, pixels")
    resize: ResizeRule
    contrast: ContrastRule
    precision: str = Field(description="arithmetic of the runtime while scoring")


class Counting(Part):
    """What SageMaker's form has no place for."""

    images: int = Field(description="images scored")
    within_one: float = Field(description="share of answers at most one item off, 0 to 1")
    per_class: tuple[ClassResult, ...]
    baseline: Baseline
    model: Provenance


class Evaluation(Part):
    """The content of evaluation.json; the quality gate reads the accuracy and the RMSE, which are finite."""

    multiclass_classification_metrics: ClassificationMetrics
    regression_metrics: RegressionMetrics
    counting: Counting


def summarise(labels: Labels, predictions: Labels, signature: Signature, precision: str) -> Evaluation:
    """Compute all figures.

    Args:
        labels: int64 [N], N > 0, true class indices.
        predictions: int64 [N], answered class indices.
        signature: of the model that answered.
        precision: arithmetic it answered in.
    """
    return Evaluation(
        multiclass_classification_metrics=ClassificationMetrics(
            accuracy=Metric(
                value=metrics.accuracy(labels, predictions),
                standard_deviation=metrics.accuracy_standard_error(labels, predictions),
            ),
            confusion_matrix=_confusion(labels, predictions, signature.classes),
        ),
        regression_metrics=RegressionMetrics(
            rmse=Metric(
                value=metrics.rmse(labels, predictions),
                standard_deviation=metrics.rmse_standard_error(labels, predictions),
            ),
            mae=Metric(
                value=metrics.mean_absolute_error(labels, predictions),
                standard_deviation=metrics.mean_absolute_error_standard_error(labels, predictions),
            ),
        ),
        counting=Counting(
            images=len(labels),
            within_one=metrics.within_one(labels, predictions),
            per_class=_per_class(labels, predictions, signature.classes),
            baseline=_baseline(labels, signature.classes),
            model=Provenance(
                architecture=signature.architecture,
                training_job=signature.training_job,
                classes=signature.classes,
                precision=precision,
                **signature.preprocessing.model_dump(),
            ),
        ),
    )


def _confusion(labels: Labels, predictions: Labels, classes: tuple[str, ...]) -> dict[str, dict[str, int]]:
    rows = metrics.confusion_matrix(labels, predictions, len(classes)).tolist()
    return {name: dict(zip(classes, row, strict=True)) for name, row in zip(classes, rows, strict=True)}


def _per_class(labels: Labels, predictions: Labels, classes: tuple[str, ...]) -> tuple[ClassResult, ...]:
    scores = metrics.class_scores(labels, predictions, len(classes))
    return tuple(
        ClassResult(
            name=name,
            images=score.images,
            accuracy=_or_none(score.accuracy),
            rmse=_or_none(score.rmse),
            mae=_or_none(score.mae),
        )
        for name, score in zip(classes, scores, strict=True)
    )


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _baseline(labels: Labels, classes: tuple[str, ...]) -> Baseline:
    commonest = int(np.argmax(np.bincount(labels)))
    errors = [_constant_rmse(labels, index) for index in range(len(classes))]
    best = int(np.argmin(errors))
    return Baseline(
        commonest=classes[commonest],
        accuracy=metrics.accuracy(labels, np.full_like(labels, commonest)),
        rmse=errors[commonest],
        within_one=metrics.within_one(labels, np.full_like(labels, commonest)),
        best_constant=classes[best],
        best_constant_rmse=errors[best],
    )


def _constant_rmse(labels: Labels, index: int) -> float:
    return metrics.rmse(labels, np.full_like(labels, index))

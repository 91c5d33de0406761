"""How good predictions are: the same code in training and in evaluation.

Labels and predictions are int64 [N] indices of classes; for counting, the index is the count.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class ClassScore:
    """The scores of the images of one class.

    Attributes:
        images: how many images have this label.
        accuracy: share of them answered right, 0 to 1; nan when there are none.
        rmse: root mean squared error in items; nan when there are none.
        mae: mean absolute error in items; nan when there are none.
    """

    images: int
    accuracy: float
    rmse: float
    mae: float


def accuracy(labels: Labels, predictions: Labels) -> float:
    """Share of right answers, 0 to 1; nan for no image."""
    return float(np.mean(labels == predictions)) if len(labels) else math.nan


def rmse(labels: Labels, predictions: Labels) -> float:
    """Root mean squared error in items; nan for no image."""
    return float(np.sqrt(np.mean((labels - predictions) ** 2.0))) if len(labels) else math.nan


def mean_absolute_error(labels: Labels, predictions: Labels) -> float:
    """Mean absolute error in items; nan for no image."""
    return float(np.mean(np.abs(labels - predictions))) if len(labels) else math.nan


def within_one(labels: Labels, predictions: Labels) -> float:
    """Share of answers at most one item off, 0 to 1; nan for no image."""
    return float(np.mean(np.abs(labels - predictions) <= 1)) if len(labels) else math.nan


def accuracy_standard_error(labels: Labels, predictions: Labels) -> float:
    """Standard error of `accuracy`, binomial: sqrt(p (1 - p) / N); nan for no image."""
    share = accuracy(labels, predictions)
    return math.sqrt(share * (1 - share) / len(labels)) if len(labels) else math.nan


def mean_absolute_error_standard_error(labels: Labels, predictions: Labels) -> float:
    """Standard error of `mean_absolute_error` in items, of a mean: sd(|e|) / sqrt(N); nan for no image."""
    return float(np.std(np.abs(labels - predictions)) / math.sqrt(len(labels))) if len(labels) else math.nan


def rmse_standard_error(labels: Labels, predictions: Labels) -> float:
    """Standard error of `rmse` in items, by the delta method; 0 without any error, nan for no image.

    RMSE is the root of a mean, m = mean(e^2), and the derivative of sqrt(m) is 1 / (2 sqrt(m)):
    sd(e^2) / (2 RMSE sqrt(N)).
    """
    error = rmse(labels, predictions)
    if not error:
        return 0.0
    squares = (labels - predictions) ** 2.0
    return float(np.std(squares) / (2 * error * math.sqrt(len(labels)))) if len(labels) else math.nan


def confusion_matrix(labels: Labels, predictions: Labels, classes: int) -> NDArray[np.int64]:
    """Images by label (rows) and prediction (columns), int64 [classes, classes]."""
    cells = np.bincount(labels * classes + predictions, minlength=classes * classes)
    return cells.reshape(classes, classes)


def class_scores(labels: Labels, predictions: Labels, classes: int) -> list[ClassScore]:
    """Scores of each class's images, in class order."""
    return [_class_score(labels, predictions, label) for label in range(classes)]


def _class_score(labels: Labels, predictions: Labels, label: int) -> ClassScore:
    rows = labels == label
    own, answered = labels[rows], predictions[rows]
    return ClassScore(int(rows.sum()), accuracy(own, answered), rmse(own, answered), mean_absolute_error(own, answered))

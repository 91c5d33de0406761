"""How good predictions are: the same code in training and in evaluation.

Labels and predictions are int64 [N] indices of classes; for counting, the index is the count.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class ClassScore:
    """The scores of the images of one class.

    Attributes:
        images: how many images have this label.
        answers: how many images were answered to be of this class.
        accuracy: share of its images answered right, 0 to 1; nan when there are none.
        precision: share of its answers that are right, 0 to 1; nan when there are none.
        rmse: root mean squared error in items; nan when there are none.
        mae: mean absolute error in items; nan when there are none.
    """

    images: int
    answers: int
    accuracy: float
    precision: float
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


def top_hits(labels: Labels, probabilities: NDArray[np.float32], most: int) -> NDArray[np.bool_]:
    """Whether each image's class is among the `most` likeliest, bool [N]; `probabilities` is float32 [N, classes].

    A class counts as behind those it is tied with: of many that a model gives no chance at all, none is likely.
    """
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    hits: NDArray[np.bool_] = (probabilities >= own).sum(axis=1) <= most
    return hits


def macro_f1(right: NDArray[np.float64], images: NDArray[np.float64], answers: NDArray[np.float64]) -> Any:
    """Mean over classes of F1, 2 right / (images + answers), 0 to 1; classes neither seen nor answered are left out.

    Args:
        right: float64 [..., classes], images of the class that were answered right.
        images: float64 [..., classes], images of the class.
        answers: float64 [..., classes], images answered to be of the class.

    Returns:
        float64 [...].
    """
    seen = images + answers
    return np.divide(2 * right, seen, out=np.zeros_like(seen), where=seen > 0).sum(axis=-1) / (seen > 0).sum(axis=-1)


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
    rows, answers = labels == label, predictions == label
    own, answered = labels[rows], predictions[rows]
    return ClassScore(
        images=int(rows.sum()),
        answers=int(answers.sum()),
        accuracy=accuracy(own, answered),
        precision=accuracy(labels[answers], predictions[answers]),
        rmse=rmse(own, answered),
        mae=mean_absolute_error(own, answered),
    )

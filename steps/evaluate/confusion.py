"""What a model answers instead of the truth, as a table a person can take in."""

from dataclasses import dataclass

import numpy as np

from steps import metrics
from steps.metrics import Labels

MOST_CLASSES = 12
"""A matrix of more classes is no longer read cell by cell; its largest cells are listed instead."""


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix; `share` of its row's images, 0 to 1."""

    images: int
    share: float


@dataclass(frozen=True)
class Confusion:
    """Images of one class that were taken for another; `share` of the first class's images, 0 to 1."""

    label: str
    answer: str
    images: int
    share: float


def confusion_rows(labels: Labels, predictions: Labels, classes: tuple[str, ...]) -> list[tuple[str, list[Cell]]]:
    """The confusion matrix, row by row: a class and its cells in class order; nothing for more than `MOST_CLASSES`."""
    if len(classes) > MOST_CLASSES:
        return []
    matrix = metrics.confusion_matrix(labels, predictions, len(classes))
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return [
        (name, [Cell(images, share) for images, share in zip(*row, strict=True)])
        for name, row in zip(classes, zip(matrix.tolist(), shares.tolist(), strict=True), strict=True)
    ]


def most_confused(labels: Labels, predictions: Labels, classes: tuple[str, ...], most: int) -> list[Confusion]:
    """The pairs of classes confused most often, most images first."""
    matrix = metrics.confusion_matrix(labels, predictions, len(classes))
    wrong = matrix - np.diag(matrix.diagonal())
    largest = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = zip(*np.unravel_index(largest, wrong.shape), strict=True)
    return [
        Confusion(classes[label], classes[given], int(wrong[label, given]), wrong[label, given] / matrix[label].sum())
        for label, given in pairs
        if wrong[label, given]
    ]

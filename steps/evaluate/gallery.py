"""Choose the test images a person should look at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steps.counting import are_counts
from steps.pictures import photo
from steps.scoring import Answers
from steps.shards import Shards

SHOWN_PIXELS = 320
"""Longest side of a photo in a gallery: twice what is shown, for sharp screens."""


@dataclass(frozen=True)
class Shown:
    """An image and what was said of it.

    Attributes:
        photo: a data URI.
        id: the image's id in the catalog.
        expected: the class on record.
        answered: the class answered.
        confidence: of the answer, 0 to 1.
        other: the likeliest of the other classes.
        other_confidence: of that class, 0 to 1.
        right: whether the answer is what is on record.
    """

    photo: str
    id: str
    expected: str
    answered: str
    confidence: float
    other: str
    other_confidence: float
    right: bool


def worst_misses(shards: Shards, answers: Answers, most: int) -> list[Shown]:
    """Wrong answers: for counts the furthest off first, and always the surest of those equally wrong."""
    wrong = shards.labels != answers.predictions
    distance = np.abs(shards.labels - answers.predictions) if are_counts(shards.dataset.classes) else wrong
    order = np.lexsort((-answers.confidence, -distance.astype(np.int64)))
    return _shown(shards, answers, order[wrong[order]][:most])


def least_confident(shards: Shards, answers: Answers, most: int) -> list[Shown]:
    """Answers that the model was least sure of, right or wrong."""
    return _shown(shards, answers, np.argsort(answers.confidence, kind="stable")[:most])


def _shown(shards: Shards, answers: Answers, indices: NDArray[np.int64]) -> list[Shown]:
    classes = shards.dataset.classes
    others = answers.probabilities[indices]
    others[np.arange(len(indices)), answers.predictions[indices]] = -1
    return [
        Shown(
            photo=photo(pixels, SHOWN_PIXELS),
            id=str(shards.ids[index]),
            expected=classes[shards.labels[index]],
            answered=classes[answers.predictions[index]],
            confidence=float(answers.confidence[index]),
            other=classes[int(rest.argmax())],
            other_confidence=float(rest.max()),
            right=bool(shards.labels[index] == answers.predictions[index]),
        )
        for index, pixels, rest in zip(indices, shards.images(indices), others, strict=True)
    ]

"""The temperature that makes probabilities honest: found on images that were not learnt from.

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", 2017, section 4.2: one number divides all
logits, chosen for the lowest negative log-likelihood. It does not change which class is the likeliest of a view.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from steps.metrics import Labels

LOWEST, HIGHEST = 0.1, 10.0
"""Bounds of the search; a network that makes no mistake on the images would be best at 0."""

GRID = 41
"""Temperatures tried first, so that a likelihood with more than one valley, as two views may have, does no harm."""

ROUNDS = 30
"""Narrowings of golden-section search, each to 0.618 of the interval: the last is 1e-7 wide in log temperature."""

GOLDEN = (math.sqrt(5) - 1) / 2


def fit_temperature(views: Sequence[NDArray[np.float32]], labels: Labels) -> float:
    """The temperature of least `negative_log_likelihood`, between `LOWEST` and `HIGHEST`.

    Args:
        views: logits float32 [N, C] of each view, N at least 1.
        labels: int64 [N].
    """
    grid = np.linspace(math.log(LOWEST), math.log(HIGHEST), GRID)

    def loss(logarithm: float) -> float:
        return negative_log_likelihood(views, labels, math.exp(logarithm))

    best = int(np.argmin([loss(each) for each in grid]))
    lower, upper = grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)]
    return math.exp(_golden_section(loss, float(lower), float(upper)))


def negative_log_likelihood(views: Sequence[NDArray[np.float32]], labels: Labels, temperature: float) -> float:
    """Mean of -log p(label), where p is the mean over the views of softmax(logits / temperature).

    Args:
        views: logits float32 [N, C] of each view.
        labels: int64 [N].
        temperature: above 0.
    """
    log_likelihoods = [_log_softmax_at(logits, labels, temperature) for logits in views]
    return float(np.mean(math.log(len(views)) - np.logaddexp.reduce(log_likelihoods, axis=0)))


def _log_softmax_at(logits: NDArray[np.float32], labels: Labels, temperature: float) -> NDArray[np.float64]:
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    result: NDArray[np.float64] = scaled[np.arange(len(labels)), labels] - np.log(np.exp(scaled).sum(axis=1))
    return result


def _golden_section(loss: Callable[[float], float], lower: float, upper: float) -> float:
    """The place of the least `loss` between `lower` and `upper` (Kiefer, 1953)."""
    left, right = upper - GOLDEN * (upper - lower), lower + GOLDEN * (upper - lower)
    at_left, at_right = loss(left), loss(right)
    for _ in range(ROUNDS):
        if at_left <= at_right:
            upper, right, at_right = right, left, at_left
            left = upper - GOLDEN * (upper - lower)
            at_left = loss(left)
        else:
            lower, left, at_left = left, right, at_right
            right = lower + GOLDEN * (upper - lower)
            at_right = loss(right)
    return (lower + upper) / 2

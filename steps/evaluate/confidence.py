"""Whether a model knows when it is right: calibration, and accuracy when it may abstain."""

import numpy as np
from numpy.typing import NDArray

from steps.evaluate.results import Calibration, CoveragePoint, ReliabilityBin

BINS = 15
"""As Guo et al. use in On Calibration of Modern Neural Networks (ICML 2017), where expected calibration error is
defined: bins of equal width, the mean of |accuracy - confidence| weighted by images."""

COVERAGES = tuple(tenths / 10 for tenths in range(10, 0, -1))


def calibration(right: NDArray[np.bool_], confidence: NDArray[np.float32]) -> Calibration:
    """Compare how sure answers were with how often they were right.

    Args:
        right: bool [N], whether the answer was right.
        confidence: float32 [N], probability the model gave its answer, 0 to 1.
    """
    bins = np.clip(np.ceil(confidence.astype(np.float64) * BINS).astype(np.int64) - 1, 0, BINS - 1)
    images = np.bincount(bins, minlength=BINS)
    filled = images > 0
    sure = np.bincount(bins, confidence, BINS)[filled] / images[filled]
    accuracy = np.bincount(bins, right, BINS)[filled] / images[filled]
    error = float(np.average(np.abs(accuracy - sure), weights=images[filled]))
    rows = zip(images[filled].tolist(), sure.tolist(), accuracy.tolist(), strict=True)
    return Calibration(
        error=error,
        bins=tuple(ReliabilityBin(images=count, confidence=mean, accuracy=share) for count, mean, share in rows),
    )


def coverage_points(
    right: NDArray[np.bool_], confidence: NDArray[np.float32], squares: NDArray[np.float64] | None
) -> tuple[CoveragePoint, ...]:
    """What is reached when only the surest answers are given and the rest is left to people.

    Source: Geifman and El-Yaniv, Selective Classification for Deep Neural Networks (NeurIPS 2017).

    Args:
        right: bool [N].
        confidence: float32 [N].
        squares: float64 [N], squared errors in items; None for named classes.
    """
    order = np.argsort(-confidence, kind="stable")
    points = []
    for coverage in COVERAGES:
        kept = order[: max(1, round(coverage * len(order)))]
        points.append(
            CoveragePoint(
                coverage=coverage,
                images=len(kept),
                least_confidence=float(confidence[kept[-1]]),
                accuracy=float(right[kept].mean()),
                rmse=None if squares is None else float(np.sqrt(squares[kept].mean())),
            )
        )
    return tuple(points)


def coverage_curve(right: NDArray[np.bool_], confidence: NDArray[np.float32]) -> NDArray[np.float64]:
    """Accuracy of the k surest answers for k = 1 ... N, float64 [N]."""
    order = np.argsort(-confidence, kind="stable")
    curve: NDArray[np.float64] = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    return curve

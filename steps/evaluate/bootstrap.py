"""How far chance moves a figure: the cluster bootstrap.

Photos of one bin resemble each other, so they are no independent draws. Whole groups of images are drawn with
replacement, as many as there are, and a figure is computed anew on each such resample; the middle 95 % of what it was
are its interval. Sources: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13, percentile
intervals; Davison and Hinkley, Bootstrap Methods and their Application (1997), section 3.8, clusters.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_CELLS_AT_ONCE = 1 << 22
"""Draws held in memory at once: 32 MiB of them."""


class ClusterBootstrap:
    """Resamples of groups of images; every question is asked of the same ones, so differences are paired.

    Args:
        groups: int64 [N], the group of each image, numbered from 0.
        resamples: how many.
        seed: of the draws.
    """

    def __init__(self, groups: NDArray[np.int64], resamples: int, seed: int) -> None:
        self.groups = int(groups.max()) + 1
        self._of_image = groups
        self._resamples = resamples
        self._seed = seed

    def means(self, *figures: NDArray[np.generic]) -> list[Values]:
        """For each figure, given as [N] values of the images, its mean over each resample's images: float64 [R]."""
        ones = np.ones(len(self._of_image))
        totals = self._totals(np.stack([self._by_group(figure) for figure in (ones, *figures)], axis=1))
        return [totals[:, column] / totals[:, 0] for column in range(1, len(figures) + 1)]

    def class_totals(self, classes: NDArray[np.int64], count: int, values: NDArray[np.generic] | None = None) -> Values:
        """Total by class over each resample's images, float64 [R, count].

        Args:
            classes: int64 [N], each image's class.
            count: number of classes.
            values: [N], what is added up; without it, images are counted.
        """
        cells = self._of_image * count + classes
        totals = np.bincount(cells, values, minlength=self.groups * count).astype(np.float64)
        return self._totals(totals.reshape(self.groups, count))

    def _by_group(self, figure: NDArray[np.generic]) -> Values:
        return np.bincount(self._of_image, figure, minlength=self.groups).astype(np.float64)

    def _totals(self, by_group: Values) -> Values:
        """Totals over resamples, float64 [R, K], of totals by group, float64 [G, K]."""
        return np.concatenate([draws @ by_group for draws in self._draws()])

    def _draws(self) -> Iterator[Values]:
        """How often each group is drawn in each resample: float64 [some resamples, G] at a time, the same each time."""
        generator = np.random.default_rng(self._seed)
        at_once = max(1, _CELLS_AT_ONCE // self.groups)
        for first in range(0, self._resamples, at_once):
            rows = min(at_once, self._resamples - first)
            drawn = generator.integers(self.groups, size=(rows, self.groups))
            drawn += np.arange(rows)[:, None] * self.groups
            yield np.bincount(drawn.ravel(), minlength=rows * self.groups).reshape(rows, -1).astype(np.float64)


def interval(values: Values, level: float) -> tuple[float, float]:
    """The middle `level` of `values` [R]; those that are nan are left out, and (nan, nan) is said of nothing else."""
    known = values[~np.isnan(values)]
    if not len(known):
        return math.nan, math.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)

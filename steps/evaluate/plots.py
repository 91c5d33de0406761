"""Draw the report's charts, as pictures that a page can hold in itself."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steps.metrics import Labels
from steps.pictures import BLUE, GREY, ORANGE, chart, chart_style, name_positions, new_figure

CONFIDENCE_BINS = 10


def distribution_chart(labels: Labels, predictions: Labels, classes: Sequence[str]) -> str:
    """Bars of how many images have, and how many were given, each class: an SVG data URI.

    Args:
        labels: int64 [N].
        predictions: int64 [N].
        classes: names by index.
    """
    with chart_style():
        figure, axes = new_figure()
        positions = np.arange(len(classes))
        for offset, values, colour, name in ((-0.2, labels, BLUE, "true"), (0.2, predictions, ORANGE, "answered")):
            axes.bar(positions + offset, np.bincount(values, minlength=len(classes)), 0.4, color=colour, label=name)
        name_positions(axes, classes)
        axes.set_xlabel("items in the bin")
        axes.set_ylabel("photos")
        figure.legend(loc="outside upper right", ncols=2, frameon=False)
        return chart(figure)


def reliability_chart(right: NDArray[np.bool_], confidence: NDArray[np.float32]) -> str:
    """How often answers of each confidence are right, against how often they should be: an SVG data URI.

    Args:
        right: bool [N], whether the answer was right.
        confidence: float32 [N], 0 to 1.
    """
    edges = np.linspace(0, 1, CONFIDENCE_BINS + 1)
    bins = np.clip(np.digitize(confidence, edges) - 1, 0, CONFIDENCE_BINS - 1)
    images = np.bincount(bins, minlength=CONFIDENCE_BINS)
    filled = images > 0
    centres = np.bincount(bins, confidence, CONFIDENCE_BINS)[filled] / images[filled]
    shares = np.bincount(bins, right, CONFIDENCE_BINS)[filled] / images[filled]
    with chart_style():
        figure, axes = new_figure()
        axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="as sure as it should be")
        axes.scatter(centres, shares, 20 + 180 * images[filled] / images.max(), BLUE, zorder=3, label="this model")
        axes.set(
            xlim=(0, 1.03), ylim=(0, 1.06), xlabel="how sure the model says it is", ylabel="share of right answers"
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:.0%}")
        figure.legend(loc="outside upper right", ncols=2, frameon=False, markerscale=0.6)
        return chart(figure)

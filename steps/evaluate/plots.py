"""Draw the report's charts, as pictures that a page can hold in itself."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steps.evaluate.results import Calibration
from steps.metrics import Labels
from steps.pictures import BLUE, GREY, ORANGE, chart, chart_style, name_positions, new_figure

_CURVE_POINTS = 400
_FIRST_IMAGES = 10


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


def reliability_chart(calibration: Calibration) -> str:
    """How often answers of each confidence are right, against how often they should be: an SVG data URI."""
    images = np.array([found.images for found in calibration.bins])
    sure = [found.confidence for found in calibration.bins]
    shares = [found.accuracy for found in calibration.bins]
    with chart_style():
        figure, axes = new_figure()
        axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="as sure as it should be")
        axes.scatter(sure, shares, 20 + 180 * images / images.max(), BLUE, zorder=3, label="this model")
        axes.set(
            xlim=(0, 1.03), ylim=(-0.03, 1.06), xlabel="how sure the model says it is", ylabel="share of right answers"
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:.0%}")
        figure.legend(loc="outside upper right", ncols=2, frameon=False, markerscale=0.6)
        return chart(figure)


def coverage_chart(curve: NDArray[np.float64], guessing: float) -> str:
    """Accuracy of the surest answers against the share of images they are: an SVG data URI.

    Args:
        curve: float64 [N], accuracy of the k surest answers for k = 1 ... N.
        guessing: accuracy of always answering the commonest class.
    """
    # The first few answers are right or wrong by chance: 0 % or 100 %.
    shown = np.unique(
        np.linspace(min(_FIRST_IMAGES, len(curve)) - 1, len(curve) - 1, min(len(curve), _CURVE_POINTS)).astype(np.int64)
    )
    with chart_style():
        figure, axes = new_figure()
        axes.plot((shown + 1) / len(curve), curve[shown], color=BLUE, linewidth=1.8, label="this model")
        axes.axhline(guessing, color=GREY, linestyle="--", linewidth=1, label="always the commonest")
        axes.set(xlim=(0, 1.03), ylim=(0, 1.06), xlabel="share of photos answered", ylabel="share of right answers")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:.0%}")
        figure.legend(loc="outside upper right", ncols=2, frameon=False)
        return chart(figure)

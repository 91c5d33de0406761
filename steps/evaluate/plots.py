"""Draw the report's charts, as pictures that a page can hold in itself."""

import base64
import io
from collections.abc import Sequence
from contextlib import AbstractContextManager

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from steps.metrics import Labels

# Okabe and Ito's colours, which people with any colour vision tell apart.
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#6b7280"
CONFIDENCE_BINS = 10
JPEG_QUALITY = 85
MOST_TICKS = 16


def distribution_chart(labels: Labels, predictions: Labels, classes: Sequence[str]) -> str:
    """Bars of how many images have, and how many were given, each class: an SVG data URI.

    Args:
        labels: int64 [N].
        predictions: int64 [N].
        classes: names by index.
    """
    with _style():
        figure, axes = _figure()
        positions = np.arange(len(classes))
        for offset, values, colour, name in ((-0.2, labels, BLUE, "true"), (0.2, predictions, ORANGE, "answered")):
            axes.bar(positions + offset, np.bincount(values, minlength=len(classes)), 0.4, color=colour, label=name)
        shown = positions[:: -(-len(classes) // MOST_TICKS)]
        axes.set_xticks(shown, [classes[position] for position in shown])
        axes.tick_params(axis="x", length=0)
        axes.set_xlabel("items in the bin")
        axes.set_ylabel("photos")
        figure.legend(loc="outside upper right", ncols=2, frameon=False)
        return _data_uri(figure)


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
    with _style():
        figure, axes = _figure()
        axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="as sure as it should be")
        axes.scatter(centres, shares, 20 + 180 * images[filled] / images.max(), BLUE, zorder=3, label="this model")
        axes.set(
            xlim=(0, 1.03), ylim=(0, 1.06), xlabel="how sure the model says it is", ylabel="share of right answers"
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:.0%}")
        figure.legend(loc="outside upper right", ncols=2, frameon=False, markerscale=0.6)
        return _data_uri(figure)


def photo(pixels: NDArray[np.uint8]) -> str:
    """A photo, uint8 [H, W, 3] RGB, as a JPEG data URI of the same size."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return _encoded("image/jpeg", buffer)


def _style() -> AbstractContextManager[None]:
    return matplotlib.rc_context(
        {
            "axes.edgecolor": "#9aa5b1",
            "axes.labelcolor": "#3e4c59",
            "axes.spines.right": False,
            "axes.spines.top": False,
            "font.size": 10,
            "svg.hashsalt": "report",  # the same figures give the same bytes
            "text.parse_math": False,  # a class name is text, whatever it looks like
            "xtick.color": "#3e4c59",
            "ytick.color": "#3e4c59",
        }
    )


def _figure() -> tuple[Figure, Axes]:
    # Small, so that text of 10 points stays readable when a phone shrinks the picture to its width.
    figure = Figure(figsize=(4.6, 3.1), layout="constrained")
    return figure, figure.subplots()


def _data_uri(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return _encoded("image/svg+xml", buffer)


def _encoded(kind: str, buffer: io.BytesIO) -> str:
    return f"data:{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"

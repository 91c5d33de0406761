"""Charts and photos as data URIs, so that a report holds them in itself; all reports' charts look alike."""

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

# Okabe and Ito's colours, which people with any colour vision tell apart.
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#6b7280"
JPEG_QUALITY = 85
MOST_TICKS = 16


def chart_style() -> AbstractContextManager[None]:
    """Charts drawn in this context are calm, and the same figures give the same bytes."""
    return matplotlib.rc_context(
        {
            "axes.edgecolor": "#9aa5b1",
            "axes.labelcolor": "#3e4c59",
            "axes.spines.right": False,
            "axes.spines.top": False,
            "font.size": 10,
            "svg.hashsalt": "report",
            "text.parse_math": False,  # a class name is text, whatever it looks like
            "xtick.color": "#3e4c59",
            "ytick.color": "#3e4c59",
        }
    )


def new_figure() -> tuple[Figure, Axes]:
    """An empty chart, so small that text of 10 points stays readable when a phone shrinks it to its width."""
    figure = Figure(figsize=(4.6, 3.1), layout="constrained")
    return figure, figure.subplots()


def name_positions(axes: Axes, names: Sequence[str]) -> None:
    """Write names below the positions 0, 1, ...; of many only every so many, so that they stay apart."""
    shown = range(0, len(names), -(-len(names) // MOST_TICKS))
    axes.set_xticks(list(shown), [names[position] for position in shown])
    axes.tick_params(axis="x", length=0)


def chart(figure: Figure) -> str:
    """A chart as an SVG data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return _encoded("image/svg+xml", buffer)


def photo(pixels: NDArray[np.uint8], most: int | None = None) -> str:
    """A photo, uint8 [H, W, 3] RGB, as a JPEG data URI; shrunk until no side is longer than `most` pixels."""
    image = Image.fromarray(pixels)
    if most is not None:
        image.thumbnail((most, most), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return _encoded("image/jpeg", buffer)


def _encoded(kind: str, buffer: io.BytesIO) -> str:
    return f"data:{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"

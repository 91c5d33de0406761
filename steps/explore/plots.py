"""Draw the report's charts, as pictures that a page can hold in itself."""

from collections.abc import Mapping, Sequence

import numpy as np

from steps.explore.findings import ClassImages, GroupSize, Histogram
from steps.pictures import BLUE, GREY, ORANGE, chart, chart_style, name_positions, new_figure


def published_chart(classes: Sequence[ClassImages], published: Mapping[str, float]) -> str:
    """Bars of each class's share here and as published, both 0 to 1: an SVG data URI."""
    with chart_style():
        figure, axes = new_figure()
        positions = np.arange(len(classes))
        here = [entry.share for entry in classes]
        there = [published[entry.name] for entry in classes]
        for offset, shares, colour, name in ((-0.2, here, BLUE, "here"), (0.2, there, ORANGE, "published")):
            axes.bar(positions + offset, shares, 0.4, color=colour, label=name)
        name_positions(axes, [entry.name for entry in classes])
        axes.set_xlabel("items in the bin")
        axes.set_ylabel("share of the photos")
        axes.yaxis.set_major_formatter("{x:.0%}")
        figure.legend(loc="outside upper right", ncols=2, frameon=False)
        return chart(figure)


def size_chart(width: Histogram, height: Histogram) -> str:
    """Photos by width, filled, and by height, as a line: an SVG data URI."""
    with chart_style():
        figure, axes = new_figure()
        axes.stairs(width.images, width.edges, fill=True, color=BLUE, label="width")
        axes.stairs(height.images, height.edges, color=ORANGE, linewidth=2, label="height")
        axes.set_xlabel("pixels")
        axes.set_ylabel("photos")
        figure.legend(loc="outside upper right", ncols=2, frameon=False)
        return chart(figure)


def aspect_chart(aspect: Histogram) -> str:
    """Photos by width divided by height, with a line at square: an SVG data URI."""
    with chart_style():
        figure, axes = new_figure()
        axes.stairs(aspect.images, aspect.edges, fill=True, color=BLUE)
        axes.axvline(1, color=GREY, linestyle="--", linewidth=1, label="as wide as high")
        axes.set_xlabel("width divided by height")
        axes.set_ylabel("photos")
        figure.legend(loc="outside upper right", frameon=False)
        return chart(figure)


def group_chart(sizes: Sequence[GroupSize]) -> str:
    """Bars of the photos that are in groups of each size: an SVG data URI."""
    with chart_style():
        figure, axes = new_figure()
        last = max((index for index, entry in enumerate(sizes) if entry.groups), default=0)
        sizes = sizes[: last + 1]
        axes.bar(np.arange(len(sizes)), [entry.images for entry in sizes], 0.7, color=BLUE)
        name_positions(axes, [entry.size.replace("-", "–") for entry in sizes])  # noqa: RUF001 - a range's dash
        axes.set_xlabel("photos in the group")
        axes.set_ylabel("photos in all such groups")
        return chart(figure)

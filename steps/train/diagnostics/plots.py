"""Draw the charts of a training report, as pictures that a page can hold in itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis as MatplotlibAxis
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, MaxNLocator
from numpy.typing import NDArray

from steps.pictures import BLUE, GREY, ORANGE, chart, chart_style, new_figure
from steps.train.diagnostics.diagnosis import Column, Diagnosis

Numbers = NDArray[np.float64]

GREEN, SKY = "#009E73", "#56B4E9"
"""More of Okabe and Ito's colours, see `steps/pictures.py`."""

MOST_LAYERS_NAMED = 32

LEAST_RANGE = 1000.0
"""The darkest colour stands for this fraction of the brightest or less, so that layers of like strength look alike."""

MOST_MARKED = 25
"""Lines of no more points have them marked."""


@dataclass(frozen=True)
class Line:
    """A line of a chart: where, how high, in which colour; `quiet` lines stay behind the others."""

    name: str
    x: Numbers
    y: Numbers
    colour: str
    quiet: bool = False


class Axis:
    """The time axis of all charts: epochs, or steps while no epoch has ended.

    Attributes:
        label: what is counted.
        end: how far the run went.
    """

    def __init__(self, diagnosis: Diagnosis) -> None:
        """Learn from the epochs that ended how many steps an epoch has."""
        self._epochs = diagnosis.epochs
        self.label = "epoch" if self._epochs.epoch else "step"
        self.end = self.places([max([*diagnosis.losses.step[-1:], *diagnosis.looks.step[-1:], 1])])[0]

    def places(self, steps: Sequence[int]) -> Numbers:
        """Where `steps` lie on the axis."""
        if not self._epochs.epoch:
            return np.asarray(steps, dtype=np.float64)
        per_epoch = self._epochs.step[-1] / self._epochs.epoch[-1]
        return np.asarray(steps, dtype=np.float64) / per_epoch


def numbers(column: Column) -> Numbers:
    """A column with NaN, which charts leave out, where it holds none."""
    return np.array(column, dtype=np.float64)


def line_chart(axis: Axis, lines: Sequence[Line], ylabel: str, share: bool = False, log: bool = False) -> str:
    """Lines over time: an SVG data URI.

    Args:
        axis: the time axis.
        lines: at least one.
        ylabel: what is shown, with its unit.
        share: whether values are shares, so that the scale reaches from 0 to 1.
        log: whether the scale is logarithmic; otherwise it begins at zero.
    """
    with chart_style():
        figure, axes = new_figure()
        for line in lines:
            points = int(np.isfinite(line.y).sum())
            axes.plot(
                line.x,
                line.y,
                color=line.colour,
                label=line.name,
                linewidth=1 if line.quiet else 2,
                alpha=0.45 if line.quiet else 1,
                marker="o" if points <= (1 if line.quiet else MOST_MARKED) else None,
                markersize=3.5,
                clip_on=line.quiet,  # a line along an edge is drawn in its full width
            )
        if log:
            axes.set_yscale("log")
            _plain_log_labels(axes.yaxis)
        else:
            highest = max((float(np.nanmax(line.y)) for line in lines if np.isfinite(line.y).any()), default=0.0)
            axes.set_ylim(0, 1.04 if share else 1.06 * highest or 1.0)
            axes.yaxis.set_major_formatter("{x:.0%}" if share else "{x:g}")
        _finish(figure, axes, axis, ylabel, len(lines))
        return chart(figure)


def stacked_chart(axis: Axis, x: Numbers, parts: Mapping[str, Numbers], ylabel: str) -> str:
    """Parts on top of one another over time: an SVG data URI."""
    with chart_style():
        figure, axes = new_figure()
        colours = [ORANGE, BLUE, SKY, GREY]
        axes.stackplot(x, *parts.values(), labels=list(parts), colors=colours, linewidth=0)
        axes.set_ylim(bottom=0)
        _finish(figure, axes, axis, ylabel, len(parts))
        return chart(figure)


def layer_chart(axis: Axis, steps: Sequence[int], layers: Mapping[str, Column], label: str) -> str:
    """Each layer's positive values over time as colours, the first layer on top: an SVG data URI."""
    values = np.array([numbers(column) for column in layers.values()])
    positive = values[np.isfinite(values) & (values > 0)]
    low, high = (positive.min(), positive.max()) if positive.size else (0.1, 1.0)
    with chart_style():
        figure = Figure(figsize=(9.4, 1.3 + 0.2 * min(len(layers), MOST_LAYERS_NAMED)), layout="constrained")
        axes = figure.subplots()
        places = axis.places(steps)
        # A look stands for the time since the one before.
        edges = np.concatenate([[0.0], places])
        axes.set_facecolor("#d9dee4")
        mesh = axes.pcolormesh(
            edges,
            np.arange(len(layers) + 1),
            np.ma.masked_invalid(np.where(values > 0, values, np.nan)),
            norm=LogNorm(min(low, high / LEAST_RANGE), high),
            cmap="viridis",
            rasterized=True,
        )
        axes.invert_yaxis()
        names = list(layers)
        shown = range(0, len(names), -(-len(names) // MOST_LAYERS_NAMED))
        axes.set_yticks([position + 0.5 for position in shown], [names[position] for position in shown], fontsize=8)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(axis.label)
        _plain_log_labels(figure.colorbar(mesh, ax=axes, label=label, pad=0.01, aspect=30).ax.yaxis)
        return chart(figure)


def _plain_log_labels(axis: MatplotlibAxis) -> None:
    """Label powers of ten, and what lies between them where there are few, as plain numbers; formulas are not drawn."""
    axis.set_major_formatter(LogFormatter())
    axis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))


def _finish(figure: Figure, axes: Axes, axis: Axis, ylabel: str, lines: int) -> None:
    axes.set(xlabel=axis.label, ylabel=ylabel)
    axes.set_xlim(0, 1.02 * axis.end)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    if lines > 1:
        figure.legend(loc="outside upper right", ncols=4, frameon=False, columnspacing=1.2, handlelength=1.3)

"""Compare runs of recipes on the same test photos, with intervals of the cluster bootstrap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from recipe_run import Run
from rich.table import Table

from steps.evaluate.bootstrap import ClusterBootstrap, interval

LEVEL = 0.95
COLUMNS = ("accuracy, %", "within one, %", "RMSE", "RMSE of the mean")
"""Of the answered count: the share that is right, and that errs by one at most; of the error in items, once for the
answered count and once for the mean of the answered probabilities."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """The figures of one recipe, averaged over its seeds.

    Attributes:
        values: float64 [4], in the order of `COLUMNS`.
        resampled: float64 [R, 4], the same on each resample of the test photos.
        seeds: how many runs were averaged.
        cpu_minutes: of one run, the mean.
    """

    values: Values
    resampled: Values
    seeds: int
    cpu_minutes: float


def figures(runs: Sequence[Run], labels: NDArray[np.int64], bootstrap: ClusterBootstrap) -> Figures:
    """Average the runs of a recipe; `labels` int64 [N] are those of the test photos."""
    values = np.mean([_finish(np.array([figure.mean() for figure in _figures(run, labels)])) for run in runs], axis=0)
    resampled = np.mean([_finish(np.stack(bootstrap.means(*_figures(run, labels)), axis=1)) for run in runs], axis=0)
    return Figures(values, resampled, len(runs), float(np.mean([run.cpu_seconds for run in runs])) / 60)


def table(title: str, found: Mapping[str, Figures], reference: str) -> Table:
    """Each recipe's figures with their intervals, and what they differ from those of `reference`."""
    made = Table(title=title, title_justify="left")
    for heading in ("recipe", "seeds", *COLUMNS, "CPU minutes"):
        made.add_column(heading, justify="left" if heading == "recipe" else "right")
    for name, each in found.items():
        cells = [_cell(each.values[i], each.resampled[:, i], "") for i in range(len(COLUMNS))]
        made.add_row(name, str(each.seeds), *cells, f"{each.cpu_minutes:.1f}")
    for name, each in found.items():
        other = found[reference]
        if name != reference:
            change, resampled = each.values - other.values, each.resampled - other.resampled
            cells = [_cell(change[i], resampled[:, i], "+") for i in range(len(COLUMNS))]
            made.add_row(f"{name} - {reference}", "", *cells, "")
    return made


def _figures(run: Run, labels: NDArray[np.int64]) -> list[Values]:
    """Right, within one, squared error, squared error of the mean, of each photo: four of float64 [N]."""
    errors = run.predictions - labels
    found = (errors == 0, np.abs(errors) <= 1, errors**2, (run.means - labels) ** 2)
    return [each.astype(np.float64) for each in found]


def _finish(means: Values) -> Values:
    """Shares as percentages, mean squares as their roots; [4] or [R, 4]."""
    return np.concatenate([means[..., :2] * 100, np.sqrt(means[..., 2:])], axis=-1)


def _cell(value: float, resampled: Values, sign: str) -> str:
    low, high = interval(resampled, LEVEL)
    digits = 1 if abs(value) > 5 or abs(high - low) > 1 else 3
    return f"{value:{sign}.{digits}f} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"

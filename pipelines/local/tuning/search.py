"""Which hyperparameters to try next: SageMaker's strategies, on Optuna's samplers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import optuna
from optuna.distributions import BaseDistribution

from pipelines.local.tuning.ranges import Categorical, Range

_RANDOM_SHARE = 3  # of a Bayesian search, one trial in so many is drawn at random before the model is trusted
_MOST_RANDOM = 10  # Optuna's own default

optuna.logging.set_verbosity(optuna.logging.WARNING)  # its default is a line on stderr for every trial


class Search(Protocol):
    """Proposes values and learns what came of them."""

    def propose(self) -> tuple[int, dict[str, str]] | None:
        """The next trial's number and hyperparameters; None when there are no more."""

    def learn(self, number: int, value: float | None) -> None:
        """Take in the objective that a trial reached; None where it failed."""


class SampledSearch:
    """Bayesian or random search.

    Bayesian is Optuna's tree-structured Parzen estimator (Bergstra et al., "Algorithms for Hyper-Parameter
    Optimization", NIPS 2011) over all hyperparameters together. Trials still running count as bad ("constant liar"),
    so that those proposed beside them lie elsewhere.

    Args:
        ranges: what to search.
        bayesian: learn from earlier trials; otherwise each is drawn anew.
        maximize: whether a greater objective is better.
        jobs: trials in all.
        parallel: trials at once. So many at least are drawn at random: of trials that all run still, the estimator
            would take one for the best and propose its neighbours.
        seed: the same proposals for the same answers; by chance where None.
        pruner: stops trials before their end, if any does.
    """

    def __init__(
        self,
        ranges: Sequence[Range],
        bayesian: bool,
        maximize: bool,
        jobs: int,
        parallel: int,
        seed: int | None,
        pruner: optuna.pruners.BasePruner | None = None,
    ) -> None:
        self._ranges = ranges
        self._left = jobs
        self._trials: list[optuna.Trial] = []
        sampler: optuna.samplers.BaseSampler
        if bayesian:
            starts = max(parallel, min(_MOST_RANDOM, max(2, jobs // _RANDOM_SHARE)))
            sampler = optuna.samplers.TPESampler(
                n_startup_trials=starts, multivariate=True, constant_liar=True, seed=seed
            )
        else:
            sampler = optuna.samplers.RandomSampler(seed=seed)
        direction = optuna.study.StudyDirection.MAXIMIZE if maximize else optuna.study.StudyDirection.MINIMIZE
        pruner = pruner or optuna.pruners.NopPruner()
        self._study = optuna.create_study(sampler=sampler, direction=direction, pruner=pruner)

    def propose(self) -> tuple[int, dict[str, str]] | None:
        """The next trial's number and hyperparameters; None when there are no more."""
        if self._left == 0:
            return None
        self._left -= 1
        trial = self._study.ask()
        self._trials.append(trial)
        return len(self._trials) - 1, {each.name: each.suggest(trial) for each in self._ranges}

    def learn(self, number: int, value: float | None) -> None:
        """Take in the objective that a trial reached; None where it failed."""
        if value is None:
            self._study.tell(self._trials[number], state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(self._trials[number], value)

    def remember(self, values: Mapping[str, str], objective: float) -> None:
        """Learn from a trial of an earlier search, unless a value of it is not in its range now."""
        places = {each.name: each.place(values.get(each.name, "")) for each in self._ranges}
        if None not in places.values():
            scales: dict[str, BaseDistribution] = {each.name: each.distribution for each in self._ranges}
            self._study.add_trial(optuna.create_trial(params=places, distributions=scales, value=objective))


class GridSearch:
    """Every combination of categorical values, once."""

    def __init__(self, ranges: Sequence[Categorical]) -> None:
        self._names = [each.name for each in ranges]
        combinations = itertools.product(*(each.values for each in ranges))
        self._combinations: Iterator[tuple[int, tuple[str, ...]]] = enumerate(combinations)

    def propose(self) -> tuple[int, dict[str, str]] | None:
        """The next combination and its number; None when there are no more."""
        number, values = next(self._combinations, (0, None))
        return None if values is None else (number, dict(zip(self._names, values, strict=True)))

    def learn(self, number: int, value: float | None) -> None:
        """A grid does not depend on what its trials reach."""

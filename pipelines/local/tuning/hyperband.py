"""The strategy Hyperband: many training jobs are begun, and after each epoch those that are behind are stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import optuna

from pipelines.local.aws import Json, invalid
from pipelines.local.tuning.ranges import Range
from pipelines.local.tuning.search import SampledSearch

_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
_MOST_RESOURCE = 20_000
_REDUCTION = 3  # of the training jobs, one in so many goes on at each rung, as in the paper


@dataclass(frozen=True)
class Resource:
    """How many epochs a training job may use; an epoch is a value of the objective in its log.

    Attributes:
        least: before so many it is not stopped.
        most: after so many it is.
    """

    least: int
    most: int

    @classmethod
    def read(cls, config: Json, static: Json) -> Resource:
        """Read HyperbandStrategyConfig as AWS's API reference describes it.

        Args:
            config: the HyperParameterTuningJobConfig.
            static: hyperparameters; where MaxResource is missing, one of them may tell the number of epochs.

        Raises:
            ApiError: MaxResource cannot be inferred or is not right, or early stopping is on besides.
        """
        if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
            raise invalid("TrainingJobEarlyStoppingType must be Off to use Hyperband.")
        given = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
        told = [static[name] for name in _EPOCHS if static.get(name, "").isdecimal()]
        most = given.get("MaxResource", int(told[0]) if told else None)
        if most is None:
            raise invalid(f"Hyperband needs MaxResource, or one of the static hyperparameters {', '.join(_EPOCHS)}.")
        least = given.get("MinResource", 1)
        if not least <= most <= _MOST_RESOURCE or most < 1:
            raise invalid(
                f"MaxResource is {most}; it must be at least MinResource, {least}, and at most {_MOST_RESOURCE}."
            )
        return cls(least, most)


class HyperbandSearch(SampledSearch):
    """Proposes as a Bayesian search does, and tells which training jobs are not worth going on with.

    The rule is Optuna's HyperbandPruner (Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter
    Optimization", JMLR 2018), which halves each bracket as jobs report, without waiting for the others.

    Args:
        ranges: what to search.
        maximize: whether a greater objective is better.
        jobs: trials in all.
        parallel: trials at once.
        seed: the same proposals for the same answers; by chance where None.
        resource: how many epochs a trial may use.
    """

    def __init__(
        self, ranges: Sequence[Range], maximize: bool, jobs: int, parallel: int, seed: int | None, resource: Resource
    ) -> None:
        pruner = optuna.pruners.HyperbandPruner(resource.least, resource.most, _REDUCTION)
        super().__init__(ranges, True, maximize, jobs, parallel, seed, pruner)
        self._resource = resource
        self._seen: dict[int, int] = {}  # how many values of each trial were looked at
        self._cut_short: set[int] = set()

    def is_behind(self, number: int, values: Sequence[float]) -> bool:
        """Whether a running trial has used up its epochs, or does worse than enough others after as many."""
        trial = self._trials[number]
        for epoch, value in enumerate(values, start=1):
            if epoch <= self._seen.get(number, 0):
                continue
            self._seen[number] = epoch
            trial.report(value, epoch)
            if epoch >= self._resource.most:
                return True
            if trial.should_prune():
                self._cut_short.add(number)
                return True
        return False

    def learn(self, number: int, value: float | None) -> None:
        """Take in the objective that a trial reached; of one that was cut short, what it had reached by then."""
        if number in self._cut_short:
            self._study.tell(self._trials[number], state=optuna.trial.TrialState.PRUNED)
        else:
            super().learn(number, value)

    def used_up(self, values: Sequence[float]) -> bool:
        """Whether a trial with these values has had all the epochs that there are."""
        return len(values) >= self._resource.most

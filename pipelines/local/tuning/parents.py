"""The earlier tuning jobs from which a tuning job starts warm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipelines.local.aws import Json, invalid, not_found
from pipelines.local.jobs.records import Record

_STRATEGIES = ("Bayesian", "Random")
_OBJECTIVE = "FinalHyperParameterTuningJobObjectiveMetric"


@dataclass(frozen=True)
class Parents:
    """The tuning jobs of a WarmStartConfig; none where the request has none.

    Attributes:
        records: what they were and what they found.
        identical: whether data and algorithm are the same, so that their results compare.
    """

    records: tuple[Record, ...] = ()
    identical: bool = False

    @classmethod
    def read(cls, request: Json, find: Callable[[str], Record | None]) -> Parents:
        """Find the parents of a tuning job and check that it may start from them.

        The rules are those of WarmStartType in AWS's API reference.

        Raises:
            ApiError: there is no such job, it has not ended, or it differs in what must be the same.
        """
        warm = request.get("WarmStartConfig")
        if warm is None:
            return cls()
        strategy = request["HyperParameterTuningJobConfig"]["Strategy"]
        if strategy not in _STRATEGIES:
            raise invalid(f"A tuning job with the strategy {strategy} cannot start warm; use Bayesian or Random.")
        identical = warm["WarmStartType"] == "IdenticalDataAndAlgorithm"
        names = [parent["HyperParameterTuningJobName"] for parent in warm["ParentHyperParameterTuningJobs"]]
        records = []
        for name in names:
            record = find(name)
            if record is None:
                raise not_found(f"Requested resource not found: there is no tuning job named '{name}' to start from.")
            _check(request, record, identical=identical)
            records.append(record)
        return cls(tuple(records), identical)

    def tried(self) -> Iterator[tuple[dict[str, str], float]]:
        """The hyperparameters, static ones too, and the objective of each training job that reached one."""
        for record in self.records:
            static = record.description["TrainingJobDefinition"].get("StaticHyperParameters", {})
            for line in _with_objective(record):
                yield {**static, **line["TunedHyperParameters"]}, line[_OBJECTIVE]["Value"]

    def best(self, own: Json | None, *, maximize: bool) -> Json | None:
        """OverallBestTrainingJob: the best of the completed training jobs of the parents, and of the tuning job's best.

        Args:
            own: the line of the best training job of the tuning job itself.
            maximize: whether a greater objective is better.
        """
        lines = [line for record in self.records for line in _with_objective(record)]
        completed = [line for line in lines if line["TrainingJobStatus"] == "Completed"]
        candidates = [*([] if own is None else [own]), *completed]
        pick = max if maximize else min
        return pick(candidates, key=lambda line: line[_OBJECTIVE]["Value"]) if candidates else None


def _with_objective(record: Record) -> list[Json]:
    return [line for line in record.members if _OBJECTIVE in line]


def _check(request: Json, parent: Record, *, identical: bool) -> None:
    if parent.running:
        raise invalid(f"The parent tuning job '{parent.name}' is {parent.status}; it must have ended.")
    before, now = parent.description, request
    if _objective(before) != _objective(now):
        raise invalid(f"The objective metric must be the same as that of the parent tuning job '{parent.name}'.")
    if len(_hyperparameters(before)) != len(_hyperparameters(now)):
        raise invalid(
            "The number of static plus tunable hyperparameters must be the same as in the parent tuning job "
            f"'{parent.name}', which has {len(_hyperparameters(before))}."
        )
    if identical and _data_and_algorithm(before) != _data_and_algorithm(now):
        raise invalid(
            f"IdenticalDataAndAlgorithm needs the input data and the training image of the parent tuning job "
            f"'{parent.name}'; use TransferLearning."
        )


def _objective(description: Json) -> Json:
    objective: Json = description["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    return objective


def _hyperparameters(description: Json) -> set[str]:
    """Names of the hyperparameters that a job was given: what SageMaker adds itself begins with `_`."""
    static = description["TrainingJobDefinition"].get("StaticHyperParameters", {})
    ranges = description["HyperParameterTuningJobConfig"].get("ParameterRanges", {})
    tunable = {item["Name"] for kind in ranges.values() for item in kind}
    return {name for name in static if not name.startswith("_tuning")} | tunable


def _data_and_algorithm(description: Json) -> tuple[object, object]:
    definition = description["TrainingJobDefinition"]
    return definition["AlgorithmSpecification"].get("TrainingImage"), definition.get("InputDataConfig")

"""What a tuning job's request asks for, checked and ready to be carried out."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from pipelines.local.aws import Json, invalid, limit_exceeded
from pipelines.local.jobs.job import unsupported
from pipelines.local.tuning.hyperband import HyperbandSearch, Resource
from pipelines.local.tuning.ranges import Categorical, Range, read_ranges
from pipelines.local.tuning.search import GridSearch, SampledSearch, Search

OBJECTIVE_HYPERPARAMETER = "_tuning_objective_metric"
"""What SageMaker adds to the hyperparameters of each training job of a tuning job."""

_MOST_PARALLEL = 16  # hosts at once: as many as one job may have
_NOT_OF_TRAINING = (
    "DefinitionName",
    "TuningObjective",
    "HyperParameterRanges",
    "StaticHyperParameters",
    "HyperParameterTuningResourceConfig",
)
_ON_AWS_ONLY = ("Autotune", "TrainingJobDefinitions")


@dataclass(frozen=True)
class Plan:
    """A tuning job's request.

    Attributes:
        name: the tuning job's name.
        request: the input of CreateHyperParameterTuningJob.
        ranges: what is searched.
    """

    name: str
    request: Json
    ranges: tuple[Range, ...]

    @classmethod
    def read(cls, request: Json) -> Plan:
        """Check a request that has the shape of one.

        Raises:
            ApiError: it asks for what AWS would refuse, or for what only AWS can do.
        """
        plan = cls(request["HyperParameterTuningJobName"], request, _ranges(request))
        plan._check()
        return plan

    @property
    def config(self) -> Json:
        """How to search."""
        config: Json = self.request["HyperParameterTuningJobConfig"]
        return config

    @property
    def metric(self) -> str:
        """Name of the objective."""
        name: str = self.config["HyperParameterTuningJobObjective"]["MetricName"]
        return name

    @property
    def maximize(self) -> bool:
        """Whether a greater objective is better."""
        return bool(self.config["HyperParameterTuningJobObjective"]["Type"] == "Maximize")

    @property
    def definition(self) -> Json:
        """The training job definition with the hyperparameter that SageMaker adds."""
        definition = self.request["TrainingJobDefinition"]
        static = definition.get("StaticHyperParameters", {})
        return {**definition, "StaticHyperParameters": {**static, OBJECTIVE_HYPERPARAMETER: self.metric}}

    @property
    def pattern(self) -> str:
        """The regular expression that finds the objective in a training job's log."""
        patterns = {found["Name"]: str(found["Regex"]) for found in self._metric_definitions}
        return patterns[self.metric]

    @cached_property
    def jobs(self) -> int:
        """How many training jobs to run in all."""
        if self.config["Strategy"] == "Grid":
            return math.prod(len(each.values) for each in self._grid)
        jobs: int = self.config["ResourceLimits"]["MaxNumberOfTrainingJobs"]
        return jobs

    @property
    def parallel(self) -> int:
        """How many training jobs to run at once."""
        most: int = self.config["ResourceLimits"]["MaxParallelTrainingJobs"]
        return min(most, self.jobs)

    @property
    def parallel_hosts(self) -> int:
        """How many hosts run at once."""
        hosts: int = _resources(self.definition).get("InstanceCount", 1)
        return self.parallel * hosts

    @property
    def limit_seconds(self) -> float:
        """How long the tuning job may run."""
        limit: float = self.config["ResourceLimits"].get("MaxRuntimeInSeconds", math.inf)
        return limit

    @property
    def stops_early(self) -> bool:
        """Whether training jobs that are behind are stopped."""
        return bool(self.config.get("TrainingJobEarlyStoppingType", "Off") == "Auto")

    def is_reached(self, value: float) -> bool:
        """Whether an objective is as good as TuningJobCompletionCriteria asks."""
        target = self.config.get("TuningJobCompletionCriteria", {}).get("TargetObjectiveMetricValue")
        return target is not None and (value >= target if self.maximize else value <= target)

    @property
    def patience(self) -> float:
        """After how many training jobs without a better objective the tuning job completes."""
        criteria = self.config.get("TuningJobCompletionCriteria", {}).get("BestObjectiveNotImproving", {})
        most: float = criteria.get("MaxNumberOfTrainingJobsNotImproving", math.inf)
        return most

    def search(self, earlier: Iterable[tuple[Mapping[str, str], float]] = ()) -> Search:
        """A new search over the ranges, which knows the hyperparameters and objectives of `earlier` training jobs."""
        if self.config["Strategy"] == "Grid":
            return GridSearch(self._grid)
        search = self._sampled_search()
        for values, objective in earlier:
            search.remember(values, objective)
        return search

    def training_request(self, number: int, values: dict[str, str], tuning_arn: str) -> Json:
        """The request of the training job that tries `values`; also the ARN that describing it shows."""
        name = f"{self.name}-{number + 1:03d}-{secrets.token_hex(4)}"
        definition = {key: value for key, value in self.definition.items() if key not in _NOT_OF_TRAINING}
        if "CheckpointConfig" in definition:  # no trial goes on from where another is
            checkpoints = definition["CheckpointConfig"]
            definition["CheckpointConfig"] = {**checkpoints, "S3Uri": f"{checkpoints['S3Uri'].rstrip('/')}/{name}"}
        return {
            **definition,
            "ResourceConfig": _resources(self.definition),
            "TrainingJobName": name,
            "TuningJobArn": tuning_arn,
            "HyperParameters": {**self.definition["StaticHyperParameters"], **values},
            "Tags": self.request.get("Tags", []),
        }

    def _sampled_search(self) -> SampledSearch:
        seed, strategy = self.config.get("RandomSeed"), self.config["Strategy"]
        if strategy == "Hyperband":
            resource = Resource.read(self.config, self.definition["StaticHyperParameters"])
            return HyperbandSearch(self.ranges, self.maximize, self.jobs, self.parallel, seed, resource)
        return SampledSearch(self.ranges, strategy == "Bayesian", self.maximize, self.jobs, self.parallel, seed)

    @property
    def _grid(self) -> list[Categorical]:
        return [each for each in self.ranges if isinstance(each, Categorical)]

    @property
    def _metric_definitions(self) -> list[Json]:
        found: list[Json] = self.definition["AlgorithmSpecification"].get("MetricDefinitions", [])
        return found

    def _check(self) -> None:
        self._check_strategy()
        if self.metric not in {found["Name"] for found in self._metric_definitions}:
            raise invalid(f"The objective '{self.metric}' is none of the MetricDefinitions of the training jobs.")
        both = {each.name for each in self.ranges} & set(self.definition["StaticHyperParameters"])
        if both:
            raise invalid(f"The hyperparameter '{min(both)}' is both static and in a range; it can be only one.")
        if self.parallel_hosts > _MOST_PARALLEL:
            raise limit_exceeded(
                f"{self.parallel_hosts} instances would train at once; on one machine at most {_MOST_PARALLEL} do."
            )

    def _check_strategy(self) -> None:
        strategy, asked = self.config["Strategy"], self.config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
        if strategy == "Grid":
            if len(self._grid) < len(self.ranges):
                raise invalid("The strategy Grid takes categorical parameters only.")
            if asked not in (None, self.jobs):
                raise invalid(
                    f"MaxNumberOfTrainingJobs is {asked}, but the grid has {self.jobs} combinations: leave it out."
                )
        elif asked is None:
            raise invalid(f"A tuning job with the strategy {strategy} needs MaxNumberOfTrainingJobs.")


def _ranges(request: Json) -> tuple[Range, ...]:
    """The ranges of a request which has what this server can do and what every tuning job needs."""
    for field in _ON_AWS_ONLY:
        if field in request:
            raise unsupported(f"{field} of tuning jobs")
    config = request["HyperParameterTuningJobConfig"]
    criteria = config.get("TuningJobCompletionCriteria", {})
    if criteria.get("ConvergenceDetected", {}).get("CompleteOnConvergence") == "Enabled":
        raise unsupported("CompleteOnConvergence; use MaxNumberOfTrainingJobsNotImproving")
    for field, holder in (("HyperParameterTuningJobObjective", config), ("TrainingJobDefinition", request)):
        if field not in holder:
            raise invalid(f"A tuning job needs {field}.")
    if not _resources(request["TrainingJobDefinition"]):
        raise invalid("The TrainingJobDefinition needs a HyperParameterTuningResourceConfig or a ResourceConfig.")
    return tuple(read_ranges(config.get("ParameterRanges", {})))


def _resources(definition: Json) -> Json:
    """The ResourceConfig of training jobs: of several InstanceConfigs AWS takes the first that is free."""
    tuning = dict(definition.get("HyperParameterTuningResourceConfig", {}))
    tuning.pop("AllocationStrategy", None)
    first: Json = tuning.pop("InstanceConfigs", [{}])[0]
    return definition.get("ResourceConfig", {}) or tuning | first

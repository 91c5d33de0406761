"""The life of a tuning job: start training jobs, watch them, stop those that are behind, name the best."""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import ClassVar

from pipelines.local.aws import Json, arn, now, present
from pipelines.local.jobs.lifecycle import Lifecycle
from pipelines.local.jobs.service import Jobs
from pipelines.local.jobs.training import TrainingJob
from pipelines.local.tuning.hyperband import HyperbandSearch
from pipelines.local.tuning.parents import Parents
from pipelines.local.tuning.plan import Plan
from pipelines.local.tuning.stopping import is_behind
from pipelines.local.tuning.trial import Trial

_POLL_SECONDS = 0.1
_HOPELESS = 5  # failures in a row from the start after which AWS gives up
_JOB_STATUSES = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
_OBJECTIVE_STATUSES = ("Succeeded", "Pending", "Failed")

_log = logging.getLogger(__name__)


class TuningJob(Lifecycle):
    """A hyperparameter tuning job.

    Args:
        plan: what to do.
        parents: earlier tuning jobs to learn from.
        jobs: runs the training jobs.

    Raises:
        ApiError: its training jobs ask for what cannot be done here.
    """

    event: ClassVar[str] = "SageMaker HyperParameter Tuning Job State Change"

    def __init__(self, plan: Plan, parents: Parents, jobs: Jobs) -> None:
        super().__init__(plan.name, arn(f"hyper-parameter-tuning-job/{plan.name}"), plan.request)
        self._plan = plan
        self._parents = parents
        self._jobs = jobs
        self._search = plan.search(parents.tried())
        self._hyperband = self._search if isinstance(self._search, HyperbandSearch) else None
        self._trials: list[Trial] = []
        self._told: list[Json] = []
        jobs.check(TrainingJob, plan.training_request(0, {}, self.arn))

    @property
    def trials(self) -> list[Trial]:
        """The trials that were started so far, in order."""
        return list(self._trials)

    def ranked(self) -> list[Trial]:
        """The trials that reached an objective, the best first."""
        return sorted((trial for trial in self.trials if trial.objective is not None), key=lambda trial: trial.rank)

    def best(self) -> Trial | None:
        """The completed trial with the best objective; one that was stopped early is never it."""
        return next((trial for trial in self.ranked() if self._is_whole(trial)), None)

    def describe(self) -> Json:
        """The answer of DescribeHyperParameterTuningJob."""
        best = self.best()
        line = None if best is None else best.summary()
        overall = self._parents.best(line, maximize=self._plan.maximize)
        seconds = sum((trial.job.ended or now()) - (trial.job.started or now()) for trial in self.trials)
        answer = {
            **self.summary(),
            "HyperParameterTuningJobConfig": self._plan.config,
            "TrainingJobDefinition": self._plan.definition,
            "BestTrainingJob": line,
            "OverallBestTrainingJob": overall if self._parents.identical else None,
            "WarmStartConfig": self.request.get("WarmStartConfig"),
            "FailureReason": self.failure_reason,
            "TuningJobCompletionDetails": {"NumberOfTrainingJobsObjectiveNotImproving": self._not_improving()},
            "ConsumedResources": {"RuntimeInSeconds": int(seconds)},
        }
        del answer["Strategy"], answer["ResourceLimits"]  # they stand in the configuration
        return present(answer)

    def members(self) -> list[Json]:
        """The lines of ListTrainingJobsForHyperParameterTuningJob."""
        return [trial.summary() for trial in self.trials]

    def summary(self) -> Json:
        """The job's line in ListHyperParameterTuningJobs."""
        trials = self.trials
        jobs = Counter(trial.counted_as for trial in trials)
        objectives = Counter(trial.objective_status for trial in trials)
        line: Json = {
            "HyperParameterTuningJobName": self.name,
            "HyperParameterTuningJobArn": self.arn,
            "HyperParameterTuningJobStatus": self.status,
            "Strategy": self._plan.config["Strategy"],
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "TrainingJobStatusCounters": {status: jobs[status] for status in _JOB_STATUSES},
            "ObjectiveStatusCounters": {status: objectives[status] for status in _OBJECTIVE_STATUSES},
            "ResourceLimits": self._plan.config["ResourceLimits"],
        }
        return line if self.ended is None else {**line, "HyperParameterTuningEndTime": self.ended}

    def run(self) -> None:
        """Run to the end, and say how it ended."""
        reason: str | None = None
        try:
            self._try_all()
        except Exception as error:
            _log.exception("The tuning job %s met an error of the server", self.name)
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        self._stop_running()
        self._finish(reason or self._explain())

    def _try_all(self) -> None:
        """Keep as many training jobs running as the plan allows, until there is no reason to start more."""
        deadline = time.monotonic() + self._plan.limit_seconds
        while not self._stopping.is_set() and time.monotonic() < deadline:
            self._settle()
            if self._is_over():
                return
            self._launch()
            if not self._running():
                return
            self._stop_those_behind()
            self._tell_of_trials()
            self._stopping.wait(_POLL_SECONDS)

    def _tell_of_trials(self) -> None:
        """Note what is new about the training jobs, such as the start of one."""
        lines = self.members()
        if lines != self._told:
            self._told = lines
            self.changed()

    def _launch(self) -> None:
        while len(self._running()) < self._plan.parallel:
            proposal = self._search.propose()
            if proposal is None:
                return
            number, values = proposal
            request = self._plan.training_request(number, values, self.arn)
            job = self._jobs.create(TrainingJob, request, at_once=self._plan.parallel_hosts)
            self._trials.append(
                Trial(number, values, job, (self._plan.metric, self._plan.pattern), self._plan.maximize)
            )

    def _settle(self) -> None:
        """Let the search learn from the training jobs that have ended."""
        for trial in self._running():
            if not trial.job.running:
                trial.settle()
                self._search.learn(trial.number, trial.objective)

    def _is_over(self) -> bool:
        """Whether a completion criterion is met, or nothing succeeds."""
        best = self.best()
        if best is None:
            return sum(trial.settled for trial in self._trials) >= _HOPELESS and not self.ranked()
        reached = best.objective is not None and self._plan.is_reached(best.objective)
        return reached or self._not_improving() >= self._plan.patience

    def _not_improving(self) -> int:
        """How many training jobs have ended since the one that is best so far."""
        best = self.best()  # first: one that settles meanwhile is then not looked for among those before it
        ended = sorted((trial for trial in self.trials if trial.settled), key=lambda trial: trial.job.ended or 0)
        return 0 if best is None else len(ended) - 1 - ended.index(best)

    def _stop_those_behind(self) -> None:
        completed = [trial.reported() for trial in self._trials if trial.counted_as == "Completed"]
        for trial in self._running():
            if trial.job.status == "InProgress" and self._is_behind(trial, completed):
                _log.info("%s is stopped after %s values of its objective", trial.job.name, len(trial.reported()))
                trial.job.stop()

    def _is_behind(self, trial: Trial, completed: list[list[float]]) -> bool:
        if self._hyperband is not None:
            return self._hyperband.is_behind(trial.number, trial.reported())
        return self._plan.stops_early and is_behind(trial.reported(), completed, self._plan.maximize)

    def _is_whole(self, trial: Trial) -> bool:
        """Whether a trial that has ended has had all the training there is for one."""
        used_up = self._hyperband is not None and self._hyperband.used_up(trial.reported())
        return trial.job.status == "Completed" or (trial.job.status == "Stopped" and used_up)

    def _running(self) -> list[Trial]:
        return [trial for trial in self._trials if not trial.settled]

    def _stop_running(self) -> None:
        for trial in self._running():
            trial.job.stop()
        for trial in self._running():
            trial.job.wait()
            trial.settle()

    def _explain(self) -> str | None:
        """AWS's words when no training job succeeded, then those of the last one; None where one did."""
        if self._stopping.is_set() or self.best() is not None:
            return None
        attempts = len(self._trials)
        reason = next((trial.job.failure_reason for trial in reversed(self._trials) if trial.job.failure_reason), None)
        last = reason or f"none reported the objective '{self._plan.metric}'"
        return (
            f"No training job succeeded after {attempts} attempt{'s' * (attempts != 1)}. Please take a look at the "
            f"training job failures to get more details. The last one: {last}"
        )

    def _finish(self, reason: str | None) -> None:
        ending = "Failed" if reason is not None else "Stopped" if self._stopping.is_set() else "Completed"
        self.conclude(ending, ending, reason)

"""SageMaker Experiments as one part of the server: its calls, and its ear for jobs."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.local.announcements import Announcement, Announcements
from pipelines.local.aws import Action, Json, NotOursError, invalid
from pipelines.local.experiments.components import Components, describe
from pipelines.local.experiments.jobs import KINDS
from pipelines.local.experiments.search import search
from pipelines.local.experiments.shelf import Shelf
from pipelines.local.experiments.trials import Trials
from pipelines.local.gateway import Route
from pipelines.local.store import Store

_SEARCHED_BY_MOTO = ("ModelPackage", "ModelPackageGroup")


class Experiments:
    """Keeps experiments, trials and trial components, and makes a trial component for each job.

    Args:
        store: keeps them.
        announcements: tells of jobs.
    """

    def __init__(self, store: Store, announcements: Announcements) -> None:
        self._trials = Trials(store)
        self._components = Components(self._trials, store)
        announcements.subscribe(self._hear)

    def actions(self) -> dict[str, Action]:
        """The calls that this answers, by name."""
        return {**self._trials.actions(), **self._components.actions(), "Search": self._search}

    def routes(self) -> Sequence[Route]:
        """The paths that are answered here."""
        return self._components.routes()

    def tags(self) -> dict[str, list[Json]]:
        """The tags with which each thing was created, by its ARN."""
        return {
            document[shelf.kind.arn_field]: document.get("Tags", [])
            for shelf in self._shelves()
            for document in shelf.all()
        }

    def _shelves(self) -> tuple[Shelf, Shelf, Shelf]:
        return self._trials.experiments, self._trials.trials, self._components.components

    def _hear(self, announcement: Announcement) -> None:
        """Make or update the trial component of a job whose state has changed."""
        kind = KINDS.get(announcement.detail_type)
        if kind is None:
            return
        job, shelf = announcement.detail, self._components.components
        name = kind.component_name(job)
        with shelf.lock:
            found = shelf.find(name)
            if found is None:
                shelf.create(kind.beginning(job))
                self._associate(name, job.get("ExperimentConfig", {}))
            elif found["Status"]["PrimaryStatus"] != job[f"{kind.word}JobStatus"]:
                self._components.merge(name, kind.progress(job))
            else:
                return
            if kind.ended(job):
                self._measure(name, job)

    def _associate(self, component: str, config: Json) -> None:
        """Put a job's component into the trial that the job names; one that is not there yet is made."""
        trial, experiment = config.get("TrialName"), config.get("ExperimentName")
        if experiment:
            self._trials.ensure(experiment, trial)
        if trial:
            self._trials.attach(trial, component)

    def _measure(self, name: str, job: Json) -> None:
        for metric in job.get("FinalMetricDataList", []):
            self._components.measure(name, metric["MetricName"], metric["Value"], metric["Timestamp"])

    def _search(self, request: Json) -> Json:
        resource = request["Resource"]
        if resource == "Experiment":
            return search(_plain(self._trials.experiments), request, "Experiment")
        if resource == "ExperimentTrial":
            return search(_plain(self._trials.trials), request, "Trial")
        if resource == "ExperimentTrialComponent":
            found = [self._with_parents(each) for each in self._components.components.all()]
            return search(found, request, "TrialComponent")
        if resource in _SEARCHED_BY_MOTO:
            raise NotOursError(resource)
        raise invalid(f"The embedded SageMaker does not search for {resource}: use the list and describe calls.")

    def _with_parents(self, component: Json) -> Json:
        """A trial component as Search answers it."""
        fields = {key: value for key, value in describe(component).items() if key != "Sources"}
        trials = self._trials.of_component(component["TrialComponentName"])
        parents = [{name: trial[name] for name in ("ExperimentName", "TrialName")} for trial in trials]
        return {**fields, "Parents": parents, "Tags": component.get("Tags", [])}


def _plain(shelf: Shelf) -> list[Json]:
    return [{key: value for key, value in each.items() if key != "Components"} for each in shelf.all()]

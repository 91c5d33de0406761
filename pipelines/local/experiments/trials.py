"""The calls about experiments and trials."""

from __future__ import annotations

from pipelines.local.aws import Action, Json, invalid, page, select
from pipelines.local.experiments.shelf import COMPONENT, EXPERIMENT, TRIAL, Kind, Shelf
from pipelines.local.store import Store

_CHANGED = ("DisplayName", "Description")


class Trials:
    """Experiments, their trials, and which trial components a trial has.

    Args:
        store: keeps them.
    """

    def __init__(self, store: Store) -> None:
        self.experiments = Shelf(EXPERIMENT, store)
        self.trials = Shelf(TRIAL, store)

    def actions(self) -> dict[str, Action]:
        """The calls that this answers, by name."""
        return {
            "CreateExperiment": self._create_experiment,
            "DescribeExperiment": lambda request: _described(self.experiments.get(request["ExperimentName"])),
            "UpdateExperiment": lambda request: _changed(self.experiments, request),
            "DeleteExperiment": self._delete_experiment,
            "ListExperiments": self._list_experiments,
            "CreateTrial": self._create_trial,
            "DescribeTrial": lambda request: _described(self.trials.get(request["TrialName"])),
            "UpdateTrial": lambda request: _changed(self.trials, request),
            "DeleteTrial": self._delete_trial,
            "ListTrials": self._list_trials,
        }

    def ensure(self, experiment: str, trial: str | None) -> None:
        """Have an experiment, and a trial in it, where there are none yet."""
        with self.experiments.lock, self.trials.lock:
            if self.experiments.find(experiment) is None:
                self.experiments.create({"ExperimentName": experiment})
            if trial is not None and self.trials.find(trial) is None:
                self.trials.create({"TrialName": trial, "ExperimentName": experiment, "Components": []})

    def attach(self, trial: str, component: str) -> Json:
        """Let a trial have a component; returns the trial.

        Raises:
            ApiError: there is no such trial.
        """
        with self.trials.lock:
            names = self.trials.get(trial)["Components"]
            return self.trials.change(
                trial, {"Components": [*(name for name in names if name != component), component]}
            )

    def detach(self, trial: str, component: str) -> Json:
        """Let a trial have a component no more; returns the trial.

        Raises:
            ApiError: there is no such trial.
        """
        with self.trials.lock:
            names = self.trials.get(trial)["Components"]
            return self.trials.change(trial, {"Components": [name for name in names if name != component]})

    def of_component(self, component: str) -> list[Json]:
        """The trials that have a component."""
        return [trial for trial in self.trials.all() if component in trial["Components"]]

    def _create_experiment(self, request: Json) -> Json:
        return {"ExperimentArn": self.experiments.create(request)["ExperimentArn"]}

    def _delete_experiment(self, request: Json) -> Json:
        name = request["ExperimentName"]
        with self.experiments.lock, self.trials.lock:
            if any(trial["ExperimentName"] == name for trial in self.trials.all()):
                raise invalid(f"The experiment {name} has trials: delete them first.")
            return {"ExperimentArn": self.experiments.remove(name)["ExperimentArn"]}

    def _list_experiments(self, request: Json) -> Json:
        lines = [summary(EXPERIMENT, each) for each in self.experiments.all()]
        return page(select(lines, request, name="ExperimentName"), request, "ExperimentSummaries")

    def _create_trial(self, request: Json) -> Json:
        self.experiments.get(request["ExperimentName"])
        return {"TrialArn": self.trials.create({**request, "Components": []})["TrialArn"]}

    def _delete_trial(self, request: Json) -> Json:
        name = request["TrialName"]
        with self.trials.lock:
            if self.trials.get(name)["Components"]:
                raise invalid(f"The trial {name} has trial components: disassociate them first.")
            return {"TrialArn": self.trials.remove(name)["TrialArn"]}

    def _list_trials(self, request: Json) -> Json:
        experiment, component = request.get("ExperimentName"), request.get("TrialComponentName")
        lines = [
            summary(TRIAL, each)
            for each in self.trials.all()
            if experiment in (None, each["ExperimentName"]) and (component is None or component in each["Components"])
        ]
        return page(select(lines, request, name="TrialName"), request, "TrialSummaries")


def summary(kind: Kind, document: Json) -> Json:
    """A line of a list call."""
    wanted = [kind.name, kind.arn_field, "DisplayName", "CreationTime", "LastModifiedTime"]
    if kind is COMPONENT:
        wanted += ["Status", "StartTime", "EndTime"]
    line = {name: document[name] for name in wanted if name in document}
    if "Source" in document:
        line[f"{kind.name.removesuffix('Name')}Source"] = document["Source"]
    return line


def _described(document: Json) -> Json:
    return {key: value for key, value in document.items() if key not in ("Tags", "Components")}


def _changed(shelf: Shelf, request: Json) -> Json:
    fields = {name: request[name] for name in _CHANGED if name in request}
    document = shelf.change(request[shelf.kind.name], fields)
    return {shelf.kind.arn_field: document[shelf.kind.arn_field]}

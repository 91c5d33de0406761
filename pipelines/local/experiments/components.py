"""The calls about trial components."""

from __future__ import annotations

import json
import math
import re
from http import HTTPStatus
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import RequestEntityTooLarge

from pipelines.local.aws import Action, ApiError, Json, invalid, now, page, select
from pipelines.local.experiments.metrics import add
from pipelines.local.experiments.shelf import COMPONENT, Shelf
from pipelines.local.experiments.trials import Trials, summary
from pipelines.local.gateway import Route
from pipelines.local.store import Store

_MERGED = ("Parameters", "InputArtifacts", "OutputArtifacts")
_REPLACED = ("DisplayName", "Status", "StartTime", "EndTime")
_MOST_VALUES = 300  # parameters of a component, as of AWS
_MOST_METRICS = 10  # values in one call of BatchPutMetrics, as of AWS
_LARGEST_BODY = 64 * 1024  # bytes of such a call


class Components:
    """Trial components.

    Args:
        trials: to which they belong.
        store: keeps them.
    """

    def __init__(self, trials: Trials, store: Store) -> None:
        self.components = Shelf(COMPONENT, store)
        self._trials = trials

    def actions(self) -> dict[str, Action]:
        """The calls that this answers, by name."""
        return {
            "CreateTrialComponent": self._create,
            "DescribeTrialComponent": lambda request: describe(self.components.get(request["TrialComponentName"])),
            "UpdateTrialComponent": self._update,
            "DeleteTrialComponent": self._delete,
            "ListTrialComponents": self._list,
            "AssociateTrialComponent": self._associate,
            "DisassociateTrialComponent": self._disassociate,
        }

    def routes(self) -> tuple[Route, ...]:
        """The path of BatchPutMetrics, which is of another service of AWS."""
        return (Route("PUT", re.compile("/BatchPutMetrics"), self._put_metrics),)

    def merge(self, name: str, fields: Json) -> Json:
        """Change a component as UpdateTrialComponent does: parameters and artifacts are added to those it has.

        Raises:
            ApiError: there is no such component, or it would hold too much.
        """
        with self.components.lock:
            found = self.components.get(name)
            changed = {key: fields[key] for key in _REPLACED if key in fields}
            for key in _MERGED:
                removed = fields.get(f"{key}ToRemove", [])
                values = {**found.get(key, {}), **fields.get(key, {})}
                changed[key] = {each: value for each, value in values.items() if each not in removed}
                if len(changed[key]) > _MOST_VALUES:
                    raise invalid(f"A trial component may have at most {_MOST_VALUES} {key}.")
            return self.components.change(name, changed)

    def measure(self, name: str, metric: str, value: float, moment: float) -> None:
        """Add a value of a metric.

        Raises:
            ApiError: there is no such component.
        """
        with self.components.lock:
            metrics = dict(self.components.get(name).get("Metrics", {}))
            metrics[metric] = add(metrics.get(metric), value, moment)
            self.components.change(name, {"Metrics": metrics})

    def _create(self, request: Json) -> Json:
        return {"TrialComponentArn": self.components.create(request)["TrialComponentArn"]}

    def _update(self, request: Json) -> Json:
        return {"TrialComponentArn": self.merge(request["TrialComponentName"], request)["TrialComponentArn"]}

    def _delete(self, request: Json) -> Json:
        name = request["TrialComponentName"]
        trials = self._trials.of_component(name)
        if trials:
            names = ", ".join(trial["TrialName"] for trial in trials)
            raise invalid(f"The trial component {name} belongs to the trials {names}: disassociate it first.")
        return {"TrialComponentArn": self.components.remove(name)["TrialComponentArn"]}

    def _list(self, request: Json) -> Json:
        given = [name for name in ("ExperimentName", "TrialName", "SourceArn") if name in request]
        if len(given) > 1:
            raise invalid(f"Only one of {', '.join(given)} can be given.")
        lines = [summary(COMPONENT, each) for each in self.components.all() if self._wanted(each, request)]
        return page(select(lines, request, name="TrialComponentName"), request, "TrialComponentSummaries")

    def _wanted(self, component: Json, request: Json) -> bool:
        if "SourceArn" in request:
            return bool(component.get("Source", {}).get("SourceArn") == request["SourceArn"])
        for field in ("ExperimentName", "TrialName"):
            if field in request:
                trials = self._trials.of_component(component["TrialComponentName"])
                return any(trial[field] == request[field] for trial in trials)
        return True

    def _associate(self, request: Json) -> Json:
        component = self.components.get(request["TrialComponentName"])
        trial = self._trials.attach(request["TrialName"], request["TrialComponentName"])
        return {"TrialComponentArn": component["TrialComponentArn"], "TrialArn": trial["TrialArn"]}

    def _disassociate(self, request: Json) -> Json:
        component = self.components.get(request["TrialComponentName"])
        trial = self._trials.detach(request["TrialName"], request["TrialComponentName"])
        return {"TrialComponentArn": component["TrialComponentArn"], "TrialArn": trial["TrialArn"]}

    def _put_metrics(self, request: Request, match: re.Match[str]) -> Response:
        """BatchPutMetrics: what is wrong with one value does not keep the others out."""
        del match
        request.max_content_length = _LARGEST_BODY
        try:
            body = json.loads(request.get_data())
            name, data = str(body["TrialComponentName"]), list(body["MetricData"])
        except (KeyError, TypeError, ValueError, RecursionError, RequestEntityTooLarge) as error:
            return Response(json.dumps({"message": f"{type(error).__name__}: {error}"}), HTTPStatus.BAD_REQUEST)
        errors = []
        for index, each in enumerate(data[:_MOST_METRICS]):
            try:
                value, moment = _finite(each["Value"]), _finite(each.get("Timestamp", now()))
                self.measure(name, str(each["MetricName"]), value, moment)
            except (ApiError, KeyError, TypeError, ValueError, OverflowError) as error:
                errors.append({"Code": "VALIDATION_ERROR", "MetricIndex": index, "Message": str(error)})
        return Response(json.dumps({"Errors": errors}), content_type="application/json")


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a finite number")
    return number


def describe(component: Json) -> Json:
    """The answer of DescribeTrialComponent."""
    source = component.get("Source")
    metrics = [
        {"MetricName": name, "SourceArn": (source or {}).get("SourceArn", component["TrialComponentArn"]), **values}
        for name, values in component.get("Metrics", {}).items()
    ]
    fields: dict[str, Any] = {key: value for key, value in component.items() if key not in ("Tags", "Metrics")}
    return {
        **fields,
        **({"Metrics": metrics} if metrics else {}),
        **({"Sources": [source]} if source else {}),
    }

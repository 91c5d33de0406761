"""The event buses: take events in, match them against the rules that moto keeps, hand them to the courier."""

from __future__ import annotations

import json
import logging

from pipelines.local.announcements import Announcement
from pipelines.local.aws import Json, now
from pipelines.local.events.courier import Courier, Delivery
from pipelines.local.events.event import announced
from pipelines.local.events.inputs import payload, select
from pipelines.local.events.rules import Rule, rules

_log = logging.getLogger(__name__)


class Bus:
    """All event buses of the server.

    Args:
        courier: delivers to targets.
    """

    def __init__(self, courier: Courier) -> None:
        self._courier = courier

    def hear(self, announcement: Announcement) -> None:
        """Make an event of what a part of SageMaker announces."""
        self.put("default", announced(announcement))

    def put(self, bus: str, event: Json) -> None:
        """Take an event in; it is delivered in the background, to each target in the order of these calls."""
        self._match(bus, event, forwarded=False)

    def give(self, rule: Rule, event: Json, *, forwarded: bool = False) -> None:
        """Deliver an event to the targets of a rule.

        Args:
            rule: whose pattern it matched, or whose schedule it is due to.
            event: what to deliver.
            forwarded: that it came from another bus; AWS does not forward an event twice.
        """
        for target in rule.targets:
            try:
                self._give_to(target, rule, event, forwarded=forwarded)
            except Exception:  # moto keeps targets as they come, be their parameters what they may
                _log.exception("The rule %s has a target that makes no sense: %s", rule.arn, target)

    def _match(self, bus: str, event: Json, *, forwarded: bool) -> None:
        for rule in rules(bus):
            try:
                self._serve(rule, event, forwarded=forwarded)
            except Exception:  # moto keeps patterns unchecked, such as {"numeric": ["<", "many"]}
                _log.exception("The rule %s cannot be compared with an event", rule.arn)

    def _serve(self, rule: Rule, event: Json, *, forwarded: bool) -> None:
        if not rule.matches(event):
            return
        if rule.is_of_archive:
            rule.archive({**event, "time": now(), "ingestion-time": now()})
        else:
            self.give(rule, event, forwarded=forwarded)

    def _give_to(self, target: Json, rule: Rule, event: Json, *, forwarded: bool) -> None:
        if ":event-bus/" not in target["Arn"]:
            text = payload(target, event, (rule.name, rule.arn))
            self._courier.submit(Delivery(_resolve(target, event), text, {"RULE_ARN": rule.arn}, json.dumps(event)))
        elif not forwarded:
            self._match(target["Arn"].rsplit("/", 1)[-1], event, forwarded=True)


def _resolve(target: Json, event: Json) -> Json:
    """A target whose pipeline parameters and message group that are paths, such as `$.detail.x`, have their values."""
    resolved = dict(target)
    if target.get("SqsParameters"):
        resolved["SqsParameters"] = _with_value(target["SqsParameters"], "MessageGroupId", event)
    if target.get("SageMakerPipelineParameters"):
        given = target["SageMakerPipelineParameters"].get("PipelineParameterList", [])
        resolved["SageMakerPipelineParameters"] = {
            "PipelineParameterList": [_with_value(item, "Value", event) for item in given]
        }
    return resolved


def _with_value(item: Json, field: str, event: Json) -> Json:
    value = item.get(field)
    if not isinstance(value, str) or not value.startswith("$."):
        return item
    found = select(event, value)
    return {**item, field: found if isinstance(found, str) else json.dumps(found)}

"""The schedules that moto keeps, of EventBridge Scheduler and of EventBridge's rules, as entries of the scheduler."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache, partial
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
from moto.scheduler.models import scheduler_backends
from werkzeug import Request, Response

from pipelines.local.aws import ACCOUNT, REGION, ApiError, Json, NotOursError, invalid, iso_time
from pipelines.local.connection import Connection
from pipelines.local.events.bus import Bus
from pipelines.local.events.calls import read_body, refuse
from pipelines.local.events.courier import Courier, Delivery
from pipelines.local.events.event import make_event
from pipelines.local.events.expressions import ExpressionError, parse
from pipelines.local.events.rules import Rule, rules
from pipelines.local.events.scheduler import Entry
from pipelines.local.gateway import Route

_PATH = re.compile(r"/schedules/([^/]+)")

_log = logging.getLogger(__name__)
_parse = lru_cache(maxsize=1000)(parse)


class Schedules:
    """Reads schedules, checks new ones, and does what they are for.

    Args:
        connection: the server, which deletes schedules that are complete.
        bus: gives the rules' events to their targets.
        courier: delivers to the targets of EventBridge Scheduler.
    """

    def __init__(self, connection: Connection, bus: Bus, courier: Courier) -> None:
        self._connection = connection
        self._bus = bus
        self._courier = courier

    def entries(self) -> list[Entry]:
        """All schedules that there are now."""
        return [*self._of_scheduler(), *self._of_rules()]

    def routes(self) -> list[Route]:
        """Where schedules are created and updated: checked here, kept by moto."""
        return [Route(method, _PATH, self._check) for method in ("POST", "PUT")]

    def _of_scheduler(self) -> Iterator[Entry]:
        for group in list(scheduler_backends[ACCOUNT][REGION].schedule_groups.values()):
            for kept in list(group.schedules.values()):
                try:
                    yield self._entry(kept)
                except (ExpressionError, ValueError, TypeError) as error:  # an earlier server let it past the check
                    _log.debug("The schedule %s is left out: %s", kept.arn, error)

    def _entry(self, kept: Any) -> Entry:
        zone = kept.schedule_expression_timezone or "UTC"
        window = kept.flexible_time_window or {}
        minutes = window.get("MaximumWindowInMinutes") if window.get("Mode") == "FLEXIBLE" else None
        remove = partial(self._delete, kept.group_name, kept.name)
        return Entry(
            arn=kept.arn,
            text=f"{kept.schedule_expression} {zone} {kept.start_date}",
            expression=_parse(kept.schedule_expression, zone),
            enabled=kept.state != "DISABLED",
            at_once=True,
            start=_seconds(kept.start_date, 0.0),
            end=_seconds(kept.end_date, math.inf),
            window_seconds=60.0 * float(minutes or 0),
            fire=partial(self._invoke, kept.arn, dict(kept.target)),
            complete=remove if kept.action_after_completion == "DELETE" else None,
        )

    def _of_rules(self) -> Iterator[Entry]:
        for rule in rules():
            if not rule.schedule:
                continue
            try:
                expression = _parse(rule.schedule, of_rule=True)
            except ExpressionError as error:
                _log.debug("The schedule of the rule %s is left out: %s", rule.arn, error)
                continue
            yield Entry(
                arn=rule.arn,
                text=rule.schedule,
                expression=expression,
                enabled=rule.enabled,
                at_once=False,
                start=0.0,
                end=math.inf,
                window_seconds=0.0,
                fire=partial(self._give, rule),
            )

    def _give(self, rule: Rule, due: float) -> None:
        self._bus.give(rule, make_event("aws.events", "Scheduled Event", {}, [rule.arn], due))

    def _invoke(self, arn: str, target: Json, due: float) -> None:
        """Call the target of a schedule, with its input or with the event that AWS sends where there is none."""
        given = target.get("Input")
        default = {**make_event("aws.scheduler", "Scheduled Event", {}, [arn], due), "detail": "{}"}
        execution = uuid4().hex[:16]
        words = {"schedule-arn": arn, "scheduled-time": iso_time(due), "execution-id": execution}
        text = _replace(json.dumps(default) if given is None else given, words)
        source = {
            "SCHEDULE_ARN": arn,
            "SCHEDULED_TIME": iso_time(due),
            "EXECUTION_ID": execution,
            "IS_PAYLOAD_TRUNCATED": "false",
        }
        self._courier.submit(Delivery(target, text, source, text))

    def _delete(self, group: str, name: str) -> None:
        """Delete a schedule through the API, so that whoever follows its calls learns of it."""
        try:
            self._connection.client("scheduler").delete_schedule(GroupName=group, Name=name)
        except (ClientError, BotoCoreError) as error:
            _log.warning("The schedule %s, which is complete, cannot be deleted: %s", name, error)

    def _check(self, request: Request, match: re.Match[str]) -> Response:
        """Refuse what AWS refuses; moto takes every expression, and forgets the action of an update."""
        if "scheduler" not in request.headers.get("Authorization", ""):  # some other service's schedules
            raise NotOursError(match[0])
        try:
            body = read_body(request)
            try:
                parse(str(body.get("ScheduleExpression")), body.get("ScheduleExpressionTimezone") or "UTC")
            except ExpressionError as error:
                raise invalid(f"Invalid Schedule Expression {body.get('ScheduleExpression')}. {error}") from error
        except ApiError as error:
            return refuse(error)
        if request.method == "PUT":
            _update_action(body, unquote(match[1]))
        raise NotOursError(match[0])


def _update_action(body: Json, name: str) -> None:
    group = scheduler_backends[ACCOUNT][REGION].schedule_groups.get(body.get("GroupName") or "default")
    if group is not None and name in group.schedules:
        group.schedules[name].action_after_completion = body.get("ActionAfterCompletion")


def _replace(text: str, words: dict[str, str]) -> str:
    """Put values in the place of AWS's context attributes, such as `<aws.scheduler.scheduled-time>`."""
    for word, value in words.items():
        text = text.replace(f"<aws.scheduler.{word}>", value)
    return text


def _seconds(given: Any, default: float) -> float:
    """A time that moto keeps as it came: epoch seconds, or ISO 8601 in a template."""
    if given is None:
        return default
    return float(given) if isinstance(given, (int, float)) else datetime.fromisoformat(given).timestamp()

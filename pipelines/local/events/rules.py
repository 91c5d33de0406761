"""The rules that moto keeps, as the bus needs them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.events.models import events_backends

from pipelines.local.aws import ACCOUNT, REGION, Json

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rule:
    """A rule of an event bus."""

    name: str
    arn: str
    enabled: bool
    schedule: str | None
    targets: list[Json]
    kept: Any  # by moto, whose pattern matcher is its own

    def matches(self, event: Json) -> bool:
        """Whether the rule is enabled and has a pattern, and the event is as it says."""
        pattern = self.kept.event_pattern
        # To moto an empty pattern matches everything; a rule without one has a schedule instead.
        if not self.enabled or not pattern.get_pattern():
            return False
        try:
            return bool(pattern.matches_event(event))
        except Exception:  # whatever moto meets in a pattern that it has not checked, such as {"numeric": ["<", "a"]}
            _log.exception("The pattern of the rule %s cannot be compared with an event", self.arn)
            return False

    def archive(self, event: Json) -> None:
        """Put an event in the archive that a rule of moto's own is for; moto wants times as numbers."""
        self.kept.send_to_targets(event)

    @property
    def is_of_archive(self) -> bool:
        """Whether moto made the rule to fill an archive."""
        return self.kept.managed_by is not None


def bus_exists(bus: str) -> bool:
    """Whether there is an event bus of this name."""
    return bus in events_backends[ACCOUNT][REGION].event_buses


def rules(bus: str = "default") -> Iterator[Rule]:
    """The rules of a bus; none where there is no such bus."""
    found = events_backends[ACCOUNT][REGION].event_buses.get(bus)
    for rule in list(found.rules.values()) if found else []:
        yield Rule(
            rule.name,
            rule.arn,
            rule.state == "ENABLED",
            rule.scheduled_expression,
            list(rule.targets),
            rule,
        )

"""The rules that moto keeps, as the bus needs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.events.models import events_backends

from pipelines.local.aws import ACCOUNT, REGION, Json


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
        return self.enabled and bool(pattern.get_pattern()) and pattern.matches_event(event)

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

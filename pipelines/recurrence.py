"""Schedule expressions of EventBridge Scheduler: read, refused in a sentence where they are wrong, and reckoned with.

Source: "Schedule types in EventBridge Scheduler" and "Cron expressions reference" in the EventBridge user guides.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

from pipelines.cron import Cron, read_cron
from pipelines.errors import PipelineError

RATE = re.compile(r"rate\((\d{1,9}) (minute|hour|day)s?\)")
CRON = re.compile(r"cron\(([^()]*)\)")
AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", re.ASCII)
EXAMPLES = "rate(7 days), cron(0 3 ? * MON *) or at(2030-01-31T03:00:00)"
LONGEST_QUOTE = 60  # characters of what was typed that an error repeats


class Recurrence(Protocol):
    """When a schedule is due."""

    def after(self, moment: datetime) -> datetime | None:
        """The first time later than `moment`, in the schedule's time zone; None where there is none."""
        ...


@dataclass(frozen=True)
class Every:
    """Again and again after a while, from a first time on; a day is 24 hours, whatever the clocks do."""

    period: timedelta
    first: datetime
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime | None:
        """The first time, or a whole number of periods from it."""
        first = self.first.astimezone(UTC)  # within another zone, Python would add to what the clocks show
        periods = max(0, (moment - first) // self.period + 1)
        try:
            return (first + self.period * periods).astimezone(self.zone)
        except OverflowError:  # after the year 9999
            return None


@dataclass(frozen=True)
class Once:
    """At one time; never, where the clocks of the time zone skip it."""

    wall: datetime
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime | None:
        """The time, unless it has passed."""
        return _later([self.wall], self.zone, moment)


@dataclass(frozen=True)
class Calendar:
    """At the times of a cron expression.

    A time that the clocks skip in spring is left out, one that they show twice in autumn counts once, the first time.
    """

    cron: Cron
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime | None:
        """The first of its times."""
        return _later(self.cron.since(moment.astimezone(self.zone).date()), self.zone, moment)


def read_recurrence(expression: str, zone: str, first: datetime) -> Recurrence:
    """Read a schedule expression.

    Args:
        expression: `rate(...)`, `cron(...)` or `at(...)`.
        zone: name of the IANA time zone in which it is meant.
        first: when a rate is due first.

    Raises:
        PipelineError: it is none, or there is no such time zone.
    """
    place = read_zone(zone)
    if rate := RATE.fullmatch(expression):
        if int(rate[1]) == 0:
            raise PipelineError(f"the schedule {expression} has no time between: give a number from 1 on")
        return Every(timedelta(**{f"{rate[2]}s": int(rate[1])}), first, place)
    if cron := CRON.fullmatch(expression):
        return Calendar(read_cron(cron[1]), place)
    if at := AT.fullmatch(expression):
        try:
            return Once(datetime.fromisoformat(at[1]), place)
        except ValueError as error:
            raise PipelineError(f"the schedule {expression} names no date and time: {error}") from None
    raise PipelineError(f"{expression[:LONGEST_QUOTE]!r} is no schedule: write one like {EXAMPLES}")


def read_zone(name: str) -> ZoneInfo:
    """The time zone of a name.

    Raises:
        PipelineError: there is none; it names those that are spelt alike.
    """
    known = available_timezones()
    if name in known:
        return ZoneInfo(name)
    alike = difflib.get_close_matches(name[:LONGEST_QUOTE], known, n=3)
    advice = f"did you mean {' or '.join(alike)}?" if alike else "write one like Europe/Berlin or UTC"
    raise PipelineError(f"{name[:LONGEST_QUOTE]!r} is no time zone of the IANA database: {advice}")


def _later(walls: Iterator[datetime] | list[datetime], zone: ZoneInfo, moment: datetime) -> datetime | None:
    """The first of these times of the zone's clocks, given in order, that comes after a moment and is not skipped."""
    for wall in walls:
        found = wall.replace(tzinfo=zone)
        try:
            instant = found.astimezone(UTC)  # within one zone, Python would compare what the clocks show
        except OverflowError:  # the year 1 or 9999
            continue
        skipped = instant.astimezone(zone).replace(tzinfo=None) != wall
        if instant > moment and not skipped:
            return found
    return None

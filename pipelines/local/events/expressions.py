"""Schedule expressions: `rate(...)`, `cron(...)` and `at(...)`, in a time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.local.aws import shorten
from pipelines.local.events import cron

_RATE = re.compile(r"rate\((\d{1,9}) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\(([^()]*)\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}


class ExpressionError(Exception):
    """The text is no schedule expression; the message says why."""


class Expression(Protocol):
    """When a schedule is due."""

    def next(self, after: float, anchor: float) -> float | None:
        """The first time after `after`, if there is one; all in epoch seconds.

        Args:
            after: where to look from.
            anchor: one of the times of an expression that only says how often.
        """
        ...


@dataclass(frozen=True)
class Rate:
    """Every so many seconds; as on AWS a day is 24 hours, whatever the clocks do."""

    seconds: int

    def next(self, after: float, anchor: float) -> float | None:
        """A whole number of periods from the anchor."""
        return anchor + self.seconds * ((after - anchor) // self.seconds + 1)


@dataclass(frozen=True)
class At:
    """Once; never, where the clocks of the time zone skip that time."""

    time: float | None

    def next(self, after: float, anchor: float) -> float | None:  # noqa: ARG002 - it is absolute
        """The time, unless it has passed."""
        return self.time if self.time is not None and self.time > after else None


@dataclass(frozen=True)
class CronIn:
    """A cron expression in a time zone.

    A time that the zone's clocks skip in spring is left out, and one that they show twice in autumn counts once, the
    first time ("Daylight savings time on EventBridge Scheduler" in its User Guide).
    """

    cron: cron.Cron
    zone: tzinfo

    def next(self, after: float, anchor: float) -> float | None:  # noqa: ARG002 - it is absolute
        """The first time of the expression after `after`."""
        start = datetime.fromtimestamp(after, self.zone).replace(tzinfo=None, second=0, microsecond=0)
        for wall in self.cron.since(start):
            moment = _moment(wall, self.zone)
            if moment is not None and moment > after:
                return moment
        return None


def parse(text: str, zone_name: str = "UTC", *, of_rule: bool = False) -> Expression:
    """Parse a schedule expression.

    Args:
        text: such as `rate(5 minutes)`.
        zone_name: of the IANA time zone in which `cron` and `at` are meant.
        of_rule: whether it is that of an EventBridge rule, which has no `at` and is strict about plurals.

    Raises:
        ExpressionError: it is none, or the time zone is unknown.
    """
    zone = _zone(zone_name)
    if match := _RATE.fullmatch(text):
        value = int(match[1])
        if value < 1 or (of_rule and (value > 1) != bool(match[3])):
            raise ExpressionError("A rate is a positive number of minutes, hours or days, as in 1 hour or 2 hours.")
        return Rate(value * _SECONDS[match[2]])
    if match := _CRON.fullmatch(text):
        try:
            return CronIn(cron.parse(match[1]), zone)
        except cron.CronError as error:
            raise ExpressionError(str(error)) from error
    if not of_rule and (match := _AT.fullmatch(text)):
        try:
            return At(_moment(datetime.fromisoformat(match[1]), zone))
        except (ValueError, OverflowError) as error:
            raise ExpressionError(f"{match[1]} is not a date and time: {error}") from error
    known = "rate(5 minutes), cron(0 12 * * ? *)" + ("" if of_rule else " or at(2026-03-01T12:00:00)")
    raise ExpressionError(f"'{shorten(text, 100)}' is not of the form {known}.")


def _zone(name: str) -> tzinfo:
    if name == "UTC":  # which needs no database
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ExpressionError(f"'{shorten(name, 60)}' is not a time zone of the IANA database.") from error


def _moment(wall: datetime, zone: tzinfo) -> float | None:
    """When the clocks of a zone first show a time; None where they skip it."""
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    shown = moment.astimezone(zone).replace(tzinfo=None, fold=0)
    return moment.timestamp() if shown == wall else None

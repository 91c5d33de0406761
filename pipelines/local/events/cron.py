"""AWS's cron expressions: six fields, with `?`, `L`, `W` and `#`.

Source: "Cron expressions reference" in the Amazon EventBridge User Guide. Written here since the libraries on PyPI
that know AWS's dialect give up on rare dates, such as a fifth Sunday in February.
"""

from __future__ import annotations

import calendar
import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = "minutes, hours, day-of-month, month, day-of-week and year"
_LAST = "L"

# The days of a month, given year and month.
Days = Callable[[int, int], list[int]]


class CronError(Exception):
    """The fields are no cron expression of AWS's; the message says why."""


@dataclass(frozen=True)
class Cron:
    """A parsed expression: wall-clock times, of whatever time zone."""

    times: tuple[time, ...]
    months: tuple[int, ...]
    years: tuple[int, ...]
    days: Days

    def since(self, start: datetime) -> Iterator[datetime]:
        """Its times from `start` on, in order; `start` has no time zone."""
        for day in self._dates(start.date()):
            first = bisect_left(self.times, start.time()) if day == start.date() else 0
            for moment in self.times[first:]:
                yield datetime.combine(day, moment)

    def _dates(self, start: date) -> Iterator[date]:
        for year, month in itertools.product(self.years, self.months):
            if (year, month) < (start.year, start.month):
                continue
            for day in self.days(year, month):
                if date(year, month, day) >= start:
                    yield date(year, month, day)


def parse(text: str) -> Cron:
    """Parse what stands between the parentheses of `cron(...)`.

    Raises:
        CronError: it is no expression of AWS's.
    """
    fields = text.upper().split()
    if len(fields) != 6:
        raise CronError(f"A cron expression has six fields, {_FIELDS}; this has {len(fields)}.")
    minutes, hours, month_days, months, weekdays, years = fields
    if (month_days == "?") == (weekdays == "?"):
        raise CronError("Exactly one of day-of-month and day-of-week must be ?.")
    times = itertools.product(_numbers(hours, 0, 23), _numbers(minutes, 0, 59))
    return Cron(
        tuple(itertools.starmap(time, times)),
        _numbers(months, 1, 12, _MONTHS),
        _numbers(years, 1970, 2199),
        _days_of_week(weekdays) if month_days == "?" else _days_of_month(month_days),
    )


def _numbers(field: str, least: int, most: int, names: tuple[str, ...] = ()) -> tuple[int, ...]:
    """The values of a field of numbers, ranges `a-b`, all `*` and steps `/n`, in lists."""
    found: set[int] = set()
    for item in field.split(","):
        span, slash, step = item.partition("/")
        first, dash, last = span.partition("-")
        low = least if span == "*" else _number(first, least, most, names)
        high = _number(last, least, most, names) if dash else (most if slash or span == "*" else low)
        if low > high:
            raise CronError(f"The range {span} ends before it begins.")
        found.update(range(low, high + 1, _number(step, 1, most) if slash else 1))
    return tuple(sorted(found))


def _number(text: str, least: int, most: int, names: tuple[str, ...] = ()) -> int:
    if text in names:
        return names.index(text) + 1
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and least <= int(text) <= most):
        raise CronError(f"'{text[:20]}' is not a value from {least} to {most}.")
    return int(text)


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _days_of_month(field: str) -> Days:
    if field == _LAST:
        return lambda year, month: [_length(year, month)]
    if field.endswith("W"):
        wanted = _number(field[:-1], 1, 31)
        return lambda year, month: _nearest_weekday(year, month, wanted)
    days = _numbers(field, 1, 31)
    return lambda year, month: [day for day in days if day <= _length(year, month)]


def _nearest_weekday(year: int, month: int, day: int) -> list[int]:
    """Monday to Friday nearest to a day, within its month; none where the month has no such day."""
    length = _length(year, month)
    if day > length:
        return []
    weekday = date(year, month, day).weekday()
    if weekday == calendar.SATURDAY:
        return [day - 1 if day > 1 else day + 2]
    if weekday == calendar.SUNDAY:
        return [day + 1 if day < length else day - 2]
    return [day]


def _days_of_week(field: str) -> Days:
    if "#" in field:
        name, _, number = field.partition("#")
        weekday, which = _number(name, 1, 7, _WEEKDAYS), _number(number, 1, 5)
        return lambda year, month: _on(year, month, {weekday})[which - 1 : which]
    if field.endswith(_LAST) and field != _LAST:
        weekday = _number(field[:-1], 1, 7, _WEEKDAYS)
        return lambda year, month: _on(year, month, {weekday})[-1:]
    weekdays = {7} if field == _LAST else set(_numbers(field, 1, 7, _WEEKDAYS))  # the last day of a week: Saturday
    return lambda year, month: _on(year, month, weekdays)


def _on(year: int, month: int, weekdays: set[int]) -> list[int]:
    """The days of a month on some weekdays, where 1 is Sunday."""
    return [
        day for day in range(1, _length(year, month) + 1) if (date(year, month, day).weekday() + 1) % 7 + 1 in weekdays
    ]

"""AWS's cron expressions: minutes, hours, day-of-month, month, day-of-week and year, with `?`, `L`, `W` and `#`."""

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from pipelines.errors import PipelineError

FIRST_YEAR, LAST_YEAR = 1970, 2199
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
SATURDAY, SUNDAY = 7, 1  # as AWS counts the days of a week
ITEM = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\w+))?", re.ASCII)
FIELDS = "minutes, hours, day-of-month, month, day-of-week and year"

Day = Callable[[date], bool]


@dataclass(frozen=True)
class Cron:
    """A cron expression that was read; its times are those that clocks show, of whatever time zone.

    Attributes:
        times: of a day, in order.
        months: from 1.
        years: four digits.
        is_day: whether a date's day is meant.
    """

    times: tuple[time, ...]
    months: frozenset[int]
    years: frozenset[int]
    is_day: Day

    def since(self, start: date) -> Iterator[datetime]:
        """Its times from a date on, in order, to the last year that an expression may name."""
        day = max(start, date(FIRST_YEAR, 1, 1))
        while day.year <= LAST_YEAR:
            if day.year in self.years and day.month in self.months and self.is_day(day):
                yield from (datetime.combine(day, moment) for moment in self.times)
            day += timedelta(days=1)


def read_cron(text: str) -> Cron:
    """Read what stands between the parentheses of `cron(...)`.

    Raises:
        PipelineError: it is no expression of AWS's; it says which field is wrong.
    """
    fields = text.upper().split()
    if len(fields) != 6:
        raise PipelineError(f"cron({text[:60]}) has {len(fields)} fields instead of six: {FIELDS}")
    minutes, hours, month_days, months, weekdays, years = fields
    if (month_days == "?") == (weekdays == "?"):
        raise PipelineError(f"cron({text[:60]}): exactly one of day-of-month and day-of-week has to be ?")
    day = _weekday(weekdays) if month_days == "?" else _month_day(month_days)
    clock = (time(hour, minute) for hour in _numbers("hours", hours, 0, 23) for minute in _minutes(minutes))
    return Cron(
        tuple(sorted(clock)),
        _numbers("month", months, 1, 12, MONTHS),
        _numbers("year", years, FIRST_YEAR, LAST_YEAR),
        day,
    )


def _minutes(text: str) -> frozenset[int]:
    return _numbers("minutes", text, 0, 59)


def _numbers(field: str, text: str, least: int, most: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    """What a list of numbers, ranges `a-b`, all `*` and steps `/n` means."""
    found: set[int] = set()
    for item in text.split(","):
        parts = ITEM.fullmatch(item)
        if parts is None:
            raise _wrong(field, item, least, most)
        low, high = least, most
        if parts[1]:
            low = _number(field, parts[1], least, most, names)
            high = _number(field, parts[2], least, most, names) if parts[2] else (most if parts[3] else low)
        if low > high:
            raise PipelineError(f"the cron field {field} has a range that ends before it begins: {item}")
        found.update(range(low, high + 1, _number(field, parts[3], 1, most) if parts[3] else 1))
    return frozenset(found)


def _number(field: str, text: str, least: int, most: int, names: tuple[str, ...] = ()) -> int:
    if text in names:
        return names.index(text) + 1
    if not (re.fullmatch(r"[0-9]{1,4}", text) and least <= int(text) <= most):
        raise _wrong(field, text, least, most)
    return int(text)


def _wrong(field: str, text: str, least: int, most: int) -> PipelineError:
    return PipelineError(f"the cron field {field} has {text[:20]!r}, which is not a value from {least} to {most}")


def _month_day(text: str) -> Day:
    if text == "L":
        return lambda day: (day + timedelta(days=1)).day == 1
    if text.endswith("W"):
        wanted = _number("day-of-month", text[:-1], 1, 31)
        return lambda day: day.day == _working_day(day.year, day.month, wanted)
    days = _numbers("day-of-month", text, 1, 31)
    return lambda day: day.day in days


def _working_day(year: int, month: int, wanted: int) -> int | None:
    """Monday to Friday nearest to a day, within its month; None where the month has no such day."""
    length = monthrange(year, month)[1]
    if wanted > length:
        return None
    near = [wanted, wanted - 1, wanted + 1, wanted - 2, wanted + 2]
    return next(day for day in near if 1 <= day <= length and date(year, month, day).isoweekday() <= 5)


def _weekday(text: str) -> Day:
    if "#" in text:
        name, _, number = text.partition("#")
        weekday, which = _one_weekday(name), _number("day-of-week", number, 1, 5)
        return lambda day: _aws_weekday(day) == weekday and (day.day + 6) // 7 == which
    if text == "L":  # the last day of the week
        return lambda day: _aws_weekday(day) == SATURDAY
    if text.endswith("L"):
        last = _one_weekday(text[:-1])
        return lambda day: _aws_weekday(day) == last and (day + timedelta(days=7)).month != day.month
    weekdays = _numbers("day-of-week", text, SUNDAY, SATURDAY, WEEKDAYS)
    return lambda day: _aws_weekday(day) in weekdays


def _one_weekday(text: str) -> int:
    return _number("day-of-week", text, SUNDAY, SATURDAY, WEEKDAYS)


def _aws_weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1

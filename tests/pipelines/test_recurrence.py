"""Schedule expressions as the operator writes them, against the embedded SageMaker's own understanding of them."""

import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.errors import PipelineError
from pipelines.local.events.expressions import ExpressionError, parse
from pipelines.recurrence import read_recurrence, read_zone

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def following(expression: str, zone: str = "UTC", after: datetime = NOW) -> str | None:
    found = read_recurrence(expression, zone, after).after(after)
    return None if found is None else found.isoformat()


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("rate(7 days)", "UTC", "2026-06-08T12:00:00+00:00"),
        ("rate(1 hour)", "Europe/Berlin", "2026-06-01T15:00:00+02:00"),
        ("cron(0 3 ? * MON *)", "Europe/Berlin", "2026-06-08T03:00:00+02:00"),
        ("cron(0 3 ? 12 2-6 *)", "Europe/Berlin", "2026-12-01T03:00:00+01:00"),
        ("cron(0/20 9-17 L * ? *)", "Asia/Kathmandu", "2026-06-30T09:00:00+05:45"),
        ("cron(0 9 1W * ? *)", "UTC", "2026-07-01T09:00:00+00:00"),
        ("cron(0 9 ? 2 1#5 *)", "UTC", "2032-02-29T09:00:00+00:00"),
        ("at(2026-06-01T14:30:00)", "Europe/Berlin", "2026-06-01T14:30:00+02:00"),
        ("at(2026-06-01T13:30:00)", "Europe/Berlin", None),
        ("cron(0 9 31 4 ? *)", "UTC", None),
        ("rate(999999999 days)", "UTC", None),
    ],
)
def test_a_schedule_is_due_next(expression: str, zone: str, expected: str | None) -> None:
    assert following(expression, zone) == expected


def test_a_rate_is_due_first_at_its_start_and_then_after_whole_periods() -> None:
    every = read_recurrence("rate(2 days)", "UTC", NOW)
    assert every.after(NOW - timedelta(days=5)) == NOW
    assert every.after(NOW + timedelta(days=3)) == NOW + timedelta(days=4)
    assert every.after(NOW + timedelta(days=4)) == NOW + timedelta(days=6)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("every week", "'every week' is no schedule: write one like rate(7 days), cron(0 3 ? * MON *)"),
        ("rate(1 week)", "'rate(1 week)' is no schedule"),
        ("rate(0 days)", "rate(0 days) has no time between"),
        ("cron(0 3 * * MON)", "has 5 fields instead of six: minutes, hours, day-of-month, month, day-of-week and year"),
        ("cron(0 3 * * MON *)", "exactly one of day-of-month and day-of-week has to be ?"),
        ("cron(0 3 ? * ? *)", "exactly one of day-of-month and day-of-week has to be ?"),
        ("cron(0 24 * * ? *)", "the cron field hours has '24', which is not a value from 0 to 23"),
        ("cron(0 3 ? * FOO *)", "the cron field day-of-week has 'FOO', which is not a value from 1 to 7"),
        ("cron(0 3 ? * FRI-MON *)", "the cron field day-of-week has a range that ends before it begins: FRI-MON"),
        ("cron(0 3 1,L * ? *)", "the cron field day-of-month has 'L'"),
        ("at(2026-02-30T00:00:00)", "names no date and time"),
        ("x" * 9000, "is no schedule"),
    ],
)
def test_a_wrong_schedule_is_refused_in_a_short_sentence(expression: str, says: str) -> None:
    with pytest.raises(PipelineError) as error:
        read_recurrence(expression, "UTC", NOW)
    assert says in str(error.value)
    assert len(str(error.value)) < 200


def test_a_time_zone_that_is_none_is_refused_with_those_spelt_alike() -> None:
    with pytest.raises(PipelineError, match=r"'Europe/Berln' is no time zone.*did you mean Europe/Berlin"):
        read_zone("Europe/Berln")
    for none in ("", "/etc/localtime", "../../etc/passwd", "x" * 9000):
        with pytest.raises(PipelineError, match="is no time zone of the IANA database"):
            read_zone(none)


# Fields that are right more often than not, so that both answers come up.
numbers = st.integers(0, 61).map(str)
names = st.sampled_from(["MON", "fri", "JAN", "Dec", "XYZ"])
items = st.one_of(
    numbers,
    names,
    st.just("*"),
    st.tuples(numbers, numbers).map("-".join),
    st.tuples(st.just("*") | numbers, st.integers(0, 30).map(str)).map("/".join),
    st.tuples(numbers, numbers, st.integers(1, 9).map(str)).map(lambda parts: f"{parts[0]}-{parts[1]}/{parts[2]}"),
)
lists = st.lists(items, min_size=1, max_size=2).map(",".join)
month_days = st.one_of(lists, st.sampled_from(["L", "LW", "W", "31W", "1W", "15W", "L-3"]), st.integers(1, 31).map(str))
weekdays = st.one_of(
    lists,
    st.integers(1, 7).map(str),
    st.sampled_from(["L", "6L", "FRIL", "3#2", "MON#1", "1#5", "3#6", "#", "2-6", "MON-FRI", "L,2"]),
)
days = st.one_of(month_days.map(lambda day: (day, "?")), weekdays.map(lambda day: ("?", day)), st.just(("*", "*")))
years = st.sampled_from(["*", "*", "2027", "2028/4", "2030-2032", "2300"])
crons = st.tuples(lists, lists, days, st.just("*") | lists, years).map(
    lambda parts: f"cron({parts[0]} {parts[1]} {parts[2][0]} {parts[3]} {parts[2][1]} {parts[4]})"
)
rates = st.tuples(st.integers(0, 400), st.sampled_from(["minute", "hours", "days", "day", "weeks"])).map(
    lambda parts: f"rate({parts[0]} {parts[1]})"
)
times = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(lambda time: f"at({time:%Y-%m-%dT%H:%M:%S})")  # noqa: DTZ001
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns"])


@settings(max_examples=300, deadline=None)
@given(crons | rates | times, zones, st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)))  # noqa: DTZ001
@example("rate(1 minute)", "Europe/Berlin", datetime(2027, 1, 1))  # noqa: DTZ001 - the clocks change in between
@example("cron(30 2 * * ? *)", "America/New_York", datetime(2026, 3, 8, 3, 0))  # noqa: DTZ001 - a time that is skipped
@example("cron(30 1 * * ? *)", "America/New_York", datetime(2026, 11, 1, 5, 45))  # noqa: DTZ001 - one shown twice
def test_the_operator_and_the_embedded_sagemaker_agree_on_every_expression(
    expression: str, zone: str, wall: datetime
) -> None:
    moment = wall.replace(tzinfo=UTC)
    try:
        theirs = parse(expression, zone).next(moment.timestamp(), NOW.timestamp())
    except ExpressionError:
        with pytest.raises(PipelineError):
            read_recurrence(expression, zone, NOW)
        return
    ours = read_recurrence(expression, zone, NOW).after(moment)
    if expression.startswith("rate") and moment < NOW:  # before it begins, which only one of them is asked about
        assert ours == NOW
    else:
        assert (ours and ours.timestamp()) == theirs
    assert ours is None or ours.tzinfo == ZoneInfo(zone)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40) | st.text("cron(0123*?/,-#LW )", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(PipelineError):
        read_recurrence(text, "UTC", NOW)

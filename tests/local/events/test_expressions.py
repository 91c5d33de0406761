"""Schedule expressions, against a model that steps through every minute and asks whether it matches."""

import calendar
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.local.events.expressions import ExpressionError, parse

MINUTE = 60
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]


def epoch(text, zone="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def following(text, after, count=1, zone="UTC"):
    """The next times of an expression, as UTC."""
    expression, moment, found = parse(text, zone), epoch(after), []
    for _ in range(count):
        moment = expression.next(moment, epoch("2026-01-01T00:00:00"))
        found.append(datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M"))
    return found if count > 1 else found[0]


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("rate(1 minute)", "2026-01-01T00:00:30", "2026-01-01T00:01"),
        ("rate(5 minutes)", "2026-01-01T00:05:00", "2026-01-01T00:10"),
        ("rate(1 day)", "2026-01-03T12:00:00", "2026-01-04T00:00"),
        ("cron(0 10 * * ? *)", "2026-03-01T10:00:00", "2026-03-02T10:00"),
        ("cron(15 12 * * ? *)", "2026-03-01T10:00:00", "2026-03-01T12:15"),
        ("cron(0 18 ? * MON-FRI *)", "2026-03-06T18:00:00", "2026-03-09T18:00"),
        ("cron(0 8 1 * ? *)", "2026-12-01T08:00:00", "2027-01-01T08:00"),
        ("cron(0/15 * * * ? *)", "2026-03-01T10:46:00", "2026-03-01T11:00"),
        ("cron(0/30 20-23 ? * MON-FRI *)", "2026-03-06T23:30:00", "2026-03-09T20:00"),
        ("cron(0 9 L * ? *)", "2028-02-01T00:00:00", "2028-02-29T09:00"),
        ("cron(0 9 1W * ? *)", "2026-07-31T10:00:00", "2026-08-03T09:00"),  # the 1st is a Saturday
        ("cron(0 9 31W * ? *)", "2026-05-01T00:00:00", "2026-05-29T09:00"),  # the 31st is a Sunday, the last day
        ("cron(0 9 30W 2 ? *)", "2026-01-01T00:00:00", None),
        ("cron(0 9 ? * 6L *)", "2026-03-01T00:00:00", "2026-03-27T09:00"),
        ("cron(0 9 ? * L *)", "2026-03-01T00:00:00", "2026-03-07T09:00"),
        ("cron(0 9 ? * 3#2 *)", "2026-03-01T00:00:00", "2026-03-10T09:00"),
        ("cron(0 9 ? 2 1#5 *)", "2026-01-01T00:00:00", "2032-02-29T09:00"),  # a fifth Sunday in February
        ("cron(0 9 29 2 ? *)", "2096-03-01T00:00:00", "2104-02-29T09:00"),  # 2100 is no leap year
        ("cron(0 9 1 JAN,jul ? 2026/2)", "2026-02-01T00:00:00", "2026-07-01T09:00"),
        ("cron(0 9 1 1 ? 2020-2025)", "2026-01-01T00:00:00", None),
        ("cron(0 9 31 2,4 ? *)", "2026-01-01T00:00:00", None),
        ("at(2026-03-01T12:00:30)", "2026-03-01T12:00:00", "2026-03-01T12:00"),
        ("at(2026-03-01T12:00:00)", "2026-03-01T12:00:00", None),
    ],
)
def test_an_expression_is_next_due(expression, after, expected):
    if expected is None:
        assert parse(expression).next(epoch(after), 0) is None
    else:
        assert following(expression, after) == expected


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("every day", "not of the form"),
        ("rate(0 minutes)", "positive number"),
        ("rate(5 weeks)", "not of the form"),
        ("rate(-5 minutes)", "not of the form"),
        ("cron(0 10 * * *)", "six fields"),
        ("cron(0 10 * * * *)", "must be ?"),
        ("cron(0 10 ? * ? *)", "must be ?"),
        ("cron(60 10 * * ? *)", "'60' is not a value from 0 to 59"),
        ("cron(0 10 * 13 ? *)", "'13' is not a value from 1 to 12"),
        ("cron(0 10 ? * 8 *)", "'8' is not a value"),
        ("cron(0 10 ? * 3#6 *)", "'6' is not a value from 1 to 5"),
        ("cron(0 10 ? * 3#1,6#3 *)", "is not a value"),
        ("cron(0 10 32W * ? *)", "'32' is not a value"),
        ("cron(30-10 10 * * ? *)", "ends before it begins"),
        ("cron(*/0 10 * * ? *)", "'0' is not a value"),
        ("cron(0 10 * * ? 2200)", "'2200' is not a value"),
        ("cron(² 10 * * ? *)", "is not a value"),
        ("at(2026-02-30T00:00:00)", "not a date and time"),
    ],
)
def test_what_is_no_expression_is_refused_in_a_sentence(expression, says):
    with pytest.raises(ExpressionError) as error:
        parse(expression)
    assert says in str(error.value)


def test_a_rule_is_strict_about_plurals_and_has_no_one_time_expression():
    for wrong in ("rate(1 minutes)", "rate(2 minute)", "at(2026-03-01T12:00:00)"):
        parse(wrong)
        with pytest.raises(ExpressionError):
            parse(wrong, of_rule=True)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "", "/etc/localtime", "a" * 5000])
def test_a_time_zone_that_is_none_is_refused(zone):
    with pytest.raises(ExpressionError, match="not a time zone"):
        parse("rate(1 hour)", zone)


def test_a_time_that_the_clocks_skip_is_left_out_and_one_shown_twice_counts_once():
    # New York, 2026: clocks go from 2:00 to 3:00 on 8 March, and from 2:00 back to 1:00 on 1 November.
    zone = "America/New_York"
    assert following("cron(30 2 * * ? *)", "2026-03-07T00:00:00", 2, zone) == ["2026-03-07T07:30", "2026-03-09T06:30"]
    assert following("cron(30 1 * * ? *)", "2026-11-01T00:00:00", 2, zone) == ["2026-11-01T05:30", "2026-11-02T06:30"]
    assert parse("at(2026-03-08T02:30:00)", zone).next(0, 0) is None
    assert parse("at(2026-11-01T01:30:00)", zone).next(0, 0) == epoch("2026-11-01T05:30:00")


# An independent model: the fields are sets of numbers, a day is asked whether it matches, minutes are stepped through.
fields = st.fixed_dictionaries(
    {
        "minutes": st.sets(st.integers(0, 59), min_size=1, max_size=3),
        "hours": st.sets(st.integers(0, 23), min_size=1, max_size=4) | st.just(set(range(24))),
        "months": st.sets(st.integers(1, 12), min_size=4) | st.just(set(range(1, 13))),
        "day": st.one_of(
            st.tuples(st.just("days"), st.sets(st.integers(1, 31), min_size=1)),
            st.tuples(st.just("last"), st.none()),
            st.tuples(st.just("near"), st.integers(1, 31)),
            st.tuples(st.just("weekdays"), st.sets(st.integers(1, 7), min_size=1)),
            st.tuples(st.just("nth"), st.tuples(st.integers(1, 7), st.integers(1, 5))),
            st.tuples(st.just("final"), st.integers(1, 7)),
        ),
    }
)


def written(model):
    kind, value = model["day"]
    day, weekday = {
        "days": lambda: (",".join(map(str, value)), "?"),
        "last": lambda: ("L", "?"),
        "near": lambda: (f"{value}W", "?"),
        "weekdays": lambda: ("?", ",".join(map(str, value))),
        "nth": lambda: ("?", f"{value[0]}#{value[1]}"),
        "final": lambda: ("?", f"{value}L"),
    }[kind]()
    listed = {name: ",".join(map(str, model[name])) for name in ("minutes", "hours", "months")}
    return f"cron({listed['minutes']} {listed['hours']} {day} {listed['months']} {weekday} *)"


def is_day(kind, value, wall):
    weekday = int(wall.strftime("%w")) + 1
    last = calendar.monthrange(wall.year, wall.month)[1]
    if kind == "days":
        return wall.day in value
    if kind == "last":
        return wall.day == last
    if kind == "weekdays":
        return weekday in value
    if kind == "nth":
        return weekday == value[0] and (wall.day + 6) // 7 == value[1]
    if kind == "final":
        return weekday == value and wall.day + 7 > last
    # The nearest weekday: of all weekdays of the month, the one least far from the wanted day.
    if value > last:
        return False
    working = [day for day in range(1, last + 1) if calendar.weekday(wall.year, wall.month, day) < 5]
    return wall.day == min(working, key=lambda day: (abs(day - value), day))


def stepped(model, zone, start, until):
    """The matching minutes between two times, shown for the first time by the clocks of a zone."""
    moment, seen = start - 3 * 3600, set()
    while moment <= until:
        wall = datetime.fromtimestamp(moment, ZoneInfo(zone)).replace(tzinfo=None, fold=0)
        matches = wall.minute in model["minutes"] and wall.hour in model["hours"] and wall.month in model["months"]
        if matches and wall not in seen and is_day(*model["day"], wall) and moment > start:
            return moment
        seen.add(wall)
        moment += MINUTE
    return None


# The days around which the clocks of one zone or another change, and any other.
starts = st.one_of(
    st.sampled_from(["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"]).map(
        lambda day: epoch(f"{day}T00:00:00")
    ),
    st.integers(0, 3_000).map(lambda days: epoch("2024-01-01T00:00:00") + 86_400 * days),
)


@settings(max_examples=150, deadline=None)
@given(fields, st.sampled_from(ZONES), starts, st.integers(-1440, 1440))
@example(
    {"minutes": {30}, "hours": {1, 2}, "months": set(range(1, 13)), "day": ("days", set(range(1, 32)))},
    "America/New_York",
    epoch("2026-11-01T05:45:00"),
    0,
)
def test_a_cron_expression_is_due_when_stepping_through_the_minutes_says_so(model, zone, day, minutes):
    start = day + MINUTE * minutes
    horizon = start + 5 * 86_400
    expected = stepped(model, zone, start, horizon)
    found = parse(written(model), zone).next(start, 0)
    assert found == expected if expected is not None else found is None or found > horizon


@given(st.integers(1, 10_000), st.sampled_from(["minutes", "hours", "days"]), st.integers(0, 10**9), st.floats(0, 1e9))
def test_a_rate_is_due_within_one_period_at_a_whole_number_of_periods_from_its_anchor(count, unit, anchor, after):
    period = count * {"minutes": 60, "hours": 3_600, "days": 86_400}[unit]
    due = parse(f"rate({count} {unit})").next(after, anchor)
    assert after < due <= after + period
    assert (due - anchor) % period == 0


@given(st.text(alphabet="0123456789*/,-?LW#ABCMON ()", max_size=40))
def test_any_text_within_cron_is_an_expression_or_refused(text):
    try:
        due = parse(f"cron({text})").next(epoch("2026-01-01T00:00:00"), 0)
    except ExpressionError:
        return
    assert due is None or due > epoch("2026-01-01T00:00:00")


def test_the_next_time_is_after_the_one_before_for_years():
    moment, end = epoch("2026-01-01T00:00:00"), epoch("2027-01-01T00:00:00")
    expression, days = parse("cron(30 1 * * ? *)", "Europe/London"), []
    while moment < end:
        moment = expression.next(moment, 0)
        days.append(datetime.fromtimestamp(moment, ZoneInfo("Europe/London")))
    gaps = {later.replace(tzinfo=None) - earlier.replace(tzinfo=None) for earlier, later in pairwise(days)}
    assert gaps == {timedelta(days=1), timedelta(days=2)}  # 1:30 is skipped on one day in spring

"""The scheduler without a server: what it keeps, where it stops, and what it survives."""

import math
from datetime import UTC, datetime

import pytest

from pipelines.local.events.clock import Clock
from pipelines.local.events.expressions import parse
from pipelines.local.events.scheduler import Entry, Scheduler
from pipelines.local.store import Store

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HOUR = 3_600


class Life:
    """One life of a server: a scheduler with a clock of its own, and what it fired, in seconds from noon."""

    def __init__(self, store, until):
        self.until = until
        self.clock = Clock()
        self.clock.set(NOON)
        self.entries, self.fired = [], []
        self.scheduler = Scheduler(self.clock, lambda: list(self.entries), store)

    def add(self, name, expression, **more):
        def fire(due):
            self.fired.append((name, due - NOON.timestamp()))

        given = {"enabled": True, "at_once": False, "start": 0.0, "end": math.inf, "window_seconds": 0.0, **more}
        self.entries.append(Entry(name, expression, parse(expression), fire=fire, **given))


@pytest.fixture
def life(tmp_path, until):
    """Begin a life of the server; each is ended before the next begins."""
    lives = []

    def begin():
        if lives:
            end()
        store = Store(tmp_path / "state.sqlite")
        lives.append((Life(store, until), store))
        return lives[-1][0]

    def end():
        begun, store = lives.pop()
        begun.scheduler.close(10)
        store.close()

    yield begin
    end()


def test_schedules_that_are_due_alike_take_turns(life):
    now = life()
    now.add("often", "rate(1 hour)")
    now.add("seldom", "rate(2 hours)")
    now.scheduler.start()
    now.clock.advance(4 * HOUR)
    assert now.fired == [
        ("often", HOUR),
        ("often", 2 * HOUR),
        ("seldom", 2 * HOUR),
        ("often", 3 * HOUR),
        ("often", 4 * HOUR),
        ("seldom", 4 * HOUR),
    ]


def test_after_a_restart_a_rate_keeps_its_beat_and_what_was_due_meanwhile_is_left_out(life):
    first = life()
    first.add("rate", "rate(3 hours)", at_once=True)
    first.scheduler.start()
    first.clock.advance(HOUR)
    assert first.fired == [("rate", 0)]
    second = life()
    second.clock.set(datetime(2026, 6, 1, 22, 0, tzinfo=UTC))
    second.add("rate", "rate(3 hours)", at_once=True)
    second.scheduler.start()
    second.clock.advance(3 * HOUR)
    assert second.fired == [("rate", 12 * HOUR)]


def test_a_changed_expression_starts_anew(life):
    now = life()
    now.add("one", "rate(5 hours)", at_once=True)
    now.scheduler.start()
    now.clock.advance(HOUR)
    now.entries.clear()
    now.add("one", "rate(2 hours)", at_once=True)
    now.clock.advance(2 * HOUR)
    assert now.fired == [("one", 0), ("one", HOUR), ("one", 3 * HOUR)]


def test_nothing_fires_once_the_scheduler_is_closed(life):
    now = life()
    now.add("rate", "rate(1 minute)")
    now.scheduler.start()
    now.clock.advance(60)
    now.scheduler.close(10)
    now.clock.advance(HOUR)
    assert now.fired == [("rate", 60)]


def test_a_move_over_very_many_firings_is_cut_short_and_the_schedule_goes_on(life):
    now = life()
    now.add("rate", "rate(1 minute)")
    now.scheduler.start()
    now.clock.advance(365 * 24 * HOUR)
    assert [due for _, due in now.fired] == [60 * number for number in range(1, 1_001)]
    now.fired.clear()
    now.clock.advance(60)
    assert len(now.fired) == 1


def test_firings_that_a_window_delays_are_in_the_order_of_their_delays(life):
    now = life()
    for number in range(20):
        now.add(str(number), "at(2026-06-01T13:00:00)", window_seconds=HOUR)
    now.scheduler.start()
    now.clock.advance(HOUR)
    assert now.fired == []
    now.clock.advance(HOUR / 2)
    assert 0 < len(now.fired) < 20
    now.clock.advance(HOUR / 2)
    assert {due for _, due in now.fired} == {HOUR}
    assert len({name for name, _ in now.fired}) == len(now.fired) == 20


def test_a_schedule_that_fails_to_fire_does_not_end_the_scheduler(life):
    now = life()

    def fail(_):
        now.entries.pop(0)
        raise ValueError("no")

    broken = Entry("broken", "", parse("rate(1 minute)"), True, True, 0.0, math.inf, 0.0, fail)
    now.entries.append(broken)
    now.scheduler.start()
    now.until(lambda: not now.entries)
    now.add("sound", "rate(1 minute)", at_once=True)
    now.until(lambda: now.fired)

"""Fires schedules when they are due by a clock that can be moved."""

from __future__ import annotations

import heapq
import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from pipelines.local.aws import iso_time
from pipelines.local.events.clock import Clock
from pipelines.local.events.expressions import Expression
from pipelines.local.store import Store

_LOOK_SECONDS = 1.0  # between looks at what schedules there are, which are in this process's memory
_MOST_AT_ONCE = 1_000  # firings of one schedule for one move of the clock
_KIND = "schedule"  # in the store

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A schedule as the scheduler needs it.

    Attributes:
        arn: names it.
        text: changes when it is to start anew.
        expression: when it is due.
        enabled: whether it fires; what is due while it does not is left out.
        at_once: whether a rate is due as soon as the schedule is there, or a period later.
        start: the first time at which it may be due, in epoch seconds.
        end: the last one.
        window_seconds: how late it may fire.
        fire: does what the schedule is for, given the time at which it was due.
        complete: is called once it will not be due again.
    """

    arn: str
    text: str
    expression: Expression
    enabled: bool
    at_once: bool
    start: float
    end: float
    window_seconds: float
    fire: Callable[[float], None]
    complete: Callable[[], None] | None = None


@dataclass
class _Progress:
    """How far a schedule has come.

    Attributes:
        text: the entry's when it started.
        anchor: from where a rate is counted, in epoch seconds.
        reached: everything due up to here has been seen to.
        looked_from: from where `due` was looked for, if it was.
        due: the next time after `looked_from`, if there is one.
    """

    text: str
    anchor: float
    reached: float
    looked_from: float | None = None
    due: float | None = None

    def next(self, expression: Expression, start: float) -> float | None:
        """When the schedule is due next; looked for once, since that costs most of what a look costs."""
        after = max(self.reached, start - 1)
        if after != self.looked_from:
            self.looked_from, self.due = after, expression.next(after, self.anchor)
        return self.due


class Scheduler:
    """Fires what is due; a schedule is known within a second of its creation, and before any move of the clock.

    Where several firings lie within a move of the clock, each is done, in their order, as AWS would have. What was due
    while the server did not run is left out.

    Args:
        clock: tells the time.
        read: gives the schedules that there are.
        store: keeps from where rates are counted across restarts.
    """

    def __init__(self, clock: Clock, read: Callable[[], Sequence[Entry]], store: Store) -> None:
        self._clock = clock
        self._read = read
        self._store = store
        self._known = {document["arn"]: document for document in store.all(_KIND)}
        self._progress: dict[str, _Progress] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def start(self) -> None:
        """Begin to fire."""
        self._clock.listen(self.look)
        self._thread.start()

    def close(self, timeout_seconds: float) -> None:
        """Fire nothing more."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def look(self) -> float:
        """Fire everything that is due now; how many seconds may pass until the next look."""
        with self._lock:
            if self._closed.is_set():
                return _LOOK_SECONDS
            now = self._clock.seconds()
            entries = {entry.arn: entry for entry in self._read()}
            self._forget_all_but(entries)
            for entry in entries.values():
                self._meet(entry, now)
            upcoming = self._fire(entries, now)
            return min(_LOOK_SECONDS, max(0.0, upcoming - self._clock.seconds()))

    def _run(self) -> None:
        seconds = 0.0
        while not self._closed.wait(seconds):
            try:
                seconds = self.look()
            except Exception:
                _log.exception("The scheduler met an error of the server")
                seconds = _LOOK_SECONDS

    def _forget_all_but(self, entries: dict[str, Entry]) -> None:
        for arn in [arn for arn in self._progress if arn not in entries]:
            del self._progress[arn]
            self._store.remove(_KIND, arn)

    def _meet(self, entry: Entry, now: float) -> None:
        """Note a schedule that is new, changed, disabled, or ahead of a clock that was moved back."""
        progress = self._progress.get(entry.arn)
        if progress is not None and progress.text == entry.text:
            if not entry.enabled or progress.reached > now:
                progress.reached = now
            return
        document = self._known.pop(entry.arn, None)
        if document is not None and document["text"] == entry.text:  # it was there before a restart
            anchor, reached = document["anchor"], now
        else:
            anchor = entry.start or math.floor(now)
            reached = anchor - 1 if entry.at_once and not entry.start else now
        self._progress[entry.arn] = _Progress(entry.text, anchor, reached)
        self._store.put(_KIND, entry.arn, {"arn": entry.arn, "text": entry.text, "anchor": anchor})

    def _fire(self, entries: dict[str, Entry], now: float) -> float:
        """Fire what is due up to `now`, in order; when the next is due, as far as is known."""
        upcoming: list[tuple[float, float, str]] = []
        for entry in entries.values():
            self._plan(entry, upcoming)
        counts: Counter[str] = Counter()
        while upcoming and upcoming[0][0] <= now:
            _, due, arn = heapq.heappop(upcoming)
            progress = self._progress[arn]
            progress.reached = due
            _log.info("%s fires, due at %s", arn, iso_time(due))
            entries[arn].fire(due)
            counts[arn] += 1
            if counts[arn] == _MOST_AT_ONCE:
                _log.warning("%s is due more than %d times at once: the rest is left out", arn, _MOST_AT_ONCE)
                progress.reached = now
            self._plan(entries[arn], upcoming)
        return upcoming[0][0] if upcoming else math.inf

    def _plan(self, entry: Entry, upcoming: list[tuple[float, float, str]]) -> None:
        """Enter when a schedule fires next, and when it is due for it."""
        if not entry.enabled:
            return
        due = self._progress[entry.arn].next(entry.expression, entry.start)
        if due is None or due > entry.end:
            if entry.complete is not None:
                entry.complete()
            return
        # A flexible window: some moment in it, the same one each time somebody asks.
        late = Random(f"{entry.arn} {due}").uniform(0, entry.window_seconds)  # noqa: S311 - no secret
        heapq.heappush(upcoming, (due + late, due, entry.arn))

"""The clock that schedules go by: the real one, until somebody moves it."""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from werkzeug import Request, Response

from pipelines.local.gateway import Route

_PATH = re.compile("/embedded/clock")
_LARGEST_BODY = 1000  # bytes
_USE = 'Send {"advance_seconds": 60} or {"set": "2026-03-01T12:00:00Z"}.'
_LAST = datetime(2199, 12, 31, tzinfo=UTC).timestamp()  # the last year of a cron expression


class ClockError(Exception):
    """The clock cannot be moved so; the message says why."""


class Clock:
    """Runs like the real clock, at a distance from it. Jobs, logs and the times of records keep the real time."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._listeners: list[Callable[[], object]] = []
        self._moving = threading.RLock()

    def now(self) -> datetime:
        """The present time, in UTC."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def seconds(self) -> float:
        """The present time, in epoch seconds."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward; what is due on the way has been started, in order, when this returns.

        Raises:
            ClockError: `seconds` is negative or leads beyond the year 2199.
        """
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ClockError("The clock is advanced by a number of seconds that is not negative; `set` moves it back.")
        with self._moving:
            self._move(self.seconds() + seconds)

    def set(self, moment: datetime) -> None:
        """Set the clock.

        Moved forward, it is as if it had been advanced. Moved back, nothing is due because of it, and what was due
        after the new time will be so again.

        Raises:
            ClockError: `moment` has no time zone or is not from 1970 to 2199.
        """
        if moment.tzinfo is None:
            raise ClockError("The time to set needs a time zone, as in 2026-03-01T12:00:00Z.")
        with self._moving:
            self._move(moment.timestamp())

    def listen(self, listener: Callable[[], object]) -> None:
        """Have `listener` called just before and just after each move."""
        self._listeners.append(listener)

    def routes(self) -> list[Route]:
        """Where other processes read and move the clock."""
        return [Route("GET", _PATH, lambda *_: self._tell()), Route("POST", _PATH, self._answer)]

    def _move(self, seconds: float) -> None:
        if not 0 <= seconds <= _LAST:
            raise ClockError("The clock goes from 1970 to 2199.")
        for listener in self._listeners:
            listener()
        self._offset = seconds - time.time()
        for listener in self._listeners:
            listener()

    def _tell(self) -> Response:
        return _json({"now": self.now().isoformat(), "offset_seconds": round(self._offset, 3)})

    def _answer(self, request: Request, _: re.Match[str]) -> Response:
        """Advance the clock for `{"advance_seconds": 60}`, set it for `{"set": "2026-03-01T12:00:00Z"}`."""
        try:
            match json.loads(request.stream.read(_LARGEST_BODY)):
                case {"advance_seconds": int() | float() as seconds}:
                    self.advance(seconds)
                case {"set": str() as moment}:
                    self.set(datetime.fromisoformat(moment))
                case _:
                    return _json({"message": _USE}, status=400)
        except (ClockError, ValueError, OverflowError, RecursionError) as error:
            return _json({"message": str(error)}, status=400)
        return self._tell()


def _json(body: dict[str, object], status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")

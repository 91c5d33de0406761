"""A thread that does tasks one after the other, each when it is due; its queue is bounded."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

_MOST_WAITING = 10_000  # tasks; more than that only pile up behind a target that does not answer

_log = logging.getLogger(__name__)

Task = Callable[[], None]


class Worker:
    """Does tasks in the order in which they are due, those due at once in the order of their submission.

    Args:
        name: of its thread.
    """

    def __init__(self, name: str) -> None:
        self._waiting: list[tuple[float, int, Task]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._started = False

    def submit(self, task: Task, delay_seconds: float = 0.0) -> bool:
        """Have a task done; False where the worker is closed or too many tasks wait already."""
        with self._changed:
            if self._closed or len(self._waiting) >= _MOST_WAITING:
                return False
            # Without a delay all are due alike, so that the clock's resolution cannot change their order.
            due = time.monotonic() + delay_seconds if delay_seconds else 0.0
            heapq.heappush(self._waiting, (due, next(self._numbers), task))
            self._changed.notify()
            if not self._started:  # a server that never begins leaves no thread behind
                self._thread.start()
                self._started = True
            return True

    @property
    def closed(self) -> bool:
        """Whether it takes no more tasks for good."""
        return self._closed

    def close(self, timeout_seconds: float) -> None:
        """Start no more tasks, and wait until the one that runs has ended."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()
        if self._started:
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while (task := self._next()) is not None:
            try:
                task()
            except Exception:
                _log.exception("A task of %s met an error of the server", self._thread.name)

    def _next(self) -> Task | None:
        """Wait for the next task that is due; None once the worker is closed."""
        with self._changed:
            while not self._closed:
                if not self._waiting:
                    self._changed.wait()
                    continue
                remaining = self._waiting[0][0] - time.monotonic()
                if remaining <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(remaining)
            return None

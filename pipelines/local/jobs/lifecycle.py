"""The state of a job of any kind from its start to its end, and who is told of each change."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from pipelines.local.announcements import Announcement
from pipelines.local.aws import Json, now, shorten
from pipelines.local.jobs.records import Record

_LONGEST_REASON = 1024  # characters, as in AWS's API

_log = logging.getLogger(__name__)


class Lifecycle(ABC):
    """What a job of any kind does in the background. `start` returns at once; `wait` until it has ended.

    Args:
        name: the job's name.
        arn: its ARN.
        request: the input of the call that creates it, already checked.

    Attributes:
        status: AWS's, such as `InProgress`.
        phases: AWS's secondary statuses so far, each with the time of its beginning.
        started: when its work began, in epoch seconds; None before.
        ended: when it ended, in epoch seconds; None before.
    """

    event: ClassVar[str]
    """The detail-type of its events in EventBridge."""

    def __init__(self, name: str, arn: str, request: Json) -> None:
        self.name = name
        self.arn = arn
        self.request = request
        self.status = "InProgress"
        self.created = self.modified = now()
        self.phases = [("Starting", self.created)]
        self.started: float | None = None
        self.ended: float | None = None
        self.failure_reason: str | None = None
        self._lock = threading.RLock()  # changes happen, and are told of, one after the other
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._tell: Callable[[], None] = lambda: None

    @abstractmethod
    def run(self) -> None:
        """Do the work, to the end: `conclude` is the last thing it calls, whatever happens."""

    @abstractmethod
    def describe(self) -> Json:
        """The answer of the Describe call."""

    @abstractmethod
    def summary(self) -> Json:
        """The job's line in the List call."""

    def members(self) -> list[Json]:
        """The lines of the jobs it has started, if it starts any."""
        return []

    def follow(self, tell: Callable[[], None]) -> None:
        """Have `tell` called after each change, before anybody can see that the job has ended."""
        self._tell = tell

    def start(self) -> None:
        """Run in a thread of its own."""
        threading.Thread(target=self._begin, name=self.name, daemon=True).start()

    def stop(self) -> None:
        """Ask the job to end; it does so within the grace time."""
        with self._lock:
            if self.running and not self._stopping.is_set():
                self.status = "Stopping"
                self._stopping.set()
                self.enter("Stopping")

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until the job has ended; False where the time ran out first."""
        return self._ended.wait(timeout_seconds)

    @property
    def running(self) -> bool:
        """Whether the job has not ended yet."""
        return not self._ended.is_set()

    @property
    def phase(self) -> str:
        """AWS's secondary status."""
        return self.phases[-1][0]

    def enter(self, phase: str) -> None:
        """Note that a phase of the job begins, such as Downloading."""
        with self._lock:
            self.phases.append((phase, now()))
            self.changed()

    def changed(self) -> None:
        """Tell that something about the job is new."""
        with self._lock:
            self.modified = now()
            self._tell()

    def conclude(self, status: str, phase: str, reason: str | None = None) -> None:
        """Note how the job ended; whoever waits for it goes on."""
        with self._lock:
            self.failure_reason = None if reason is None else shorten(reason, _LONGEST_REASON)
            self.status = status
            self.ended = now()
            try:
                self.enter(phase)
            finally:
                self._ended.set()
        _log.info("%s", " ".join([self.name, self.status, *(self.failure_reason or "").split()]))

    def record(self) -> Record:
        """The job as it is now."""
        with self._lock:
            tags = self.request.get("Tags", [])
            return Record(
                self.name, self.arn, self.status, self.phase, tags, self.describe(), self.summary(), self.members()
            )

    def announcement(self) -> Announcement:
        """The job's state as an event."""
        return self.record().announcement(self.event)

    def _begin(self) -> None:
        _log.info("%s started", self.name)
        self.run()

"""The jobs of one kind of one state folder by their names: those that run, and a record of every one there ever was."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from pipelines.local.announcements import Announcements
from pipelines.local.aws import Json, in_use
from pipelines.local.deadline import Deadline
from pipelines.local.jobs.lifecycle import Lifecycle
from pipelines.local.jobs.records import Record, broken_off
from pipelines.local.store import Store

_Kept = TypeVar("_Kept", bound=Lifecycle)

_log = logging.getLogger(__name__)


class Book(Generic[_Kept]):
    """Starts jobs under names of their own, keeps what is told of them, and stops them all in the end.

    A change of a job is on disk before anybody hears of it. Safe to share between threads.

    Args:
        kind: under which the records lie in the store.
        store: keeps the records.
        announcements: hear of each change of a job's status.
        mend: what becomes of the record of a job that ran when an earlier server died.
    """

    def __init__(
        self, kind: str, store: Store, announcements: Announcements, mend: Callable[[Record], Record] = broken_off
    ) -> None:
        self._kind = kind
        self._store = store
        self._announcements = announcements
        self._running: dict[str, _Kept] = {}
        self._records = {record.name: record for record in (Record(**kept) for kept in store.all(kind))}
        self._lock = threading.Lock()
        self._closed = False
        self._mend = mend

    def mend(self, events: Mapping[str, str]) -> None:
        """See to the jobs that ran when an earlier server died, and tell of their end.

        Call it once those who listen can be reached, and before any job is started.

        Args:
            events: the detail-type of the events of each kind of job.
        """
        for record in [each for each in self.all() if each.running]:
            mended = self._mend(record)
            self._keep(mended)
            self._announcements.announce(mended.announcement(events[mended.kind]))

    def start(self, job: _Kept, taken: Callable[[Record], str]) -> None:
        """Enter a job and start it.

        Args:
            job: the job.
            taken: what to say when another has its name, given that one.

        Raises:
            ApiError: the name is taken, or the book is closed.
        """
        with self._lock:
            if self._closed:
                raise in_use("The server is stopping and starts no more jobs.")
            if job.name in self._records:
                raise in_use(taken(self._records[job.name]))
            self._running[job.name] = job
            self._records[job.name] = job.record()
        self._keep(job.record())
        self._announcements.announce(job.announcement())
        job.follow(lambda: self._note(job))
        job.start()

    def get(self, name: str) -> Record | None:
        """The record of the job of this name, if there is one."""
        with self._lock:
            return self._records.get(name)

    def all(self) -> list[Record]:
        """The record of every job, in the order of their start."""
        with self._lock:
            return list(self._records.values())

    def live(self, name: str) -> _Kept | None:
        """The job of this name, if it runs."""
        with self._lock:
            return self._running.get(name)

    def running(self) -> list[_Kept]:
        """The jobs that run."""
        with self._lock:
            return list(self._running.values())

    def remove(self, name: str) -> None:
        """Forget a job that has ended; its name is free again."""
        with self._lock:
            self._records.pop(name, None)
        self._store.remove(self._kind, name)

    def tags(self) -> dict[str, list[Json]]:
        """The tags with which each job was created, by its ARN."""
        return {record.arn: record.tags for record in self.all()}

    def stop(self) -> None:
        """Ask every job to end."""
        for job in self.running():
            job.stop()

    def close(self, timeout_seconds: float) -> None:
        """Start no more jobs, stop every one and wait until it has ended."""
        with self._lock:
            self._closed = True
        jobs = self.running()
        for job in jobs:
            job.stop()
        deadline = Deadline(timeout_seconds)
        for job in jobs:
            job.wait(deadline.remaining_seconds)

    def _note(self, job: _Kept) -> None:
        """Take in a change of a job."""
        record, before = job.record(), self.get(job.name)
        self._keep(record)
        if before is None or (before.status, before.phase) != (record.status, record.phase):
            self._announcements.announce(job.announcement())

    def _keep(self, record: Record) -> None:
        try:
            self._store.put(self._kind, record.name, record.document())
        except sqlite3.Error:  # a full disk must not keep a job from ending
            _log.exception("The state of %s could not be written", record.name)
        with self._lock:
            self._records[record.name] = record
            if not record.running:
                self._running.pop(record.name, None)

"""Events and schedules of one server, put together."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.local.announcements import Announcements
from pipelines.local.connection import Connection
from pipelines.local.deadline import Deadline
from pipelines.local.events.bus import Bus
from pipelines.local.events.calls import EventCalls
from pipelines.local.events.clock import Clock
from pipelines.local.events.courier import Courier
from pipelines.local.events.packages import PackageFollower
from pipelines.local.events.scheduler import Scheduler
from pipelines.local.events.schedules import Schedules
from pipelines.local.gateway import Follow, Route
from pipelines.local.store import Store


class Events:
    """Turns announcements and calls into events, and delivers them and what is scheduled.

    Args:
        connection: the server.
        announcements: what happens in SageMaker.
        store: keeps from where schedules are counted, and what is to be delivered.
        clock: what schedules go by.
    """

    def __init__(self, connection: Connection, announcements: Announcements, store: Store, clock: Clock) -> None:
        self._clock = clock
        self._courier = Courier(connection, store)
        self._bus = Bus(self._courier)
        self._calls = EventCalls(self._bus)
        self._schedules = Schedules(connection, self._bus, self._courier)
        self._scheduler = Scheduler(clock, self._schedules.entries, store)
        self._packages = PackageFollower(connection, announcements)
        announcements.subscribe(self._bus.hear)

    def followers(self) -> Mapping[str, Follow]:
        """The calls of moto's that this follows, by name."""
        return self._packages.followers()

    def routes(self) -> list[Route]:
        """The paths that are answered here."""
        return [self._calls.route(), *self._schedules.routes(), *self._clock.routes()]

    def start(self) -> None:
        """Begin to fire schedules and take up what is left to deliver, once moto has back what it kept before."""
        self._courier.start()
        self._scheduler.start()

    def stop(self) -> None:
        """Fire and deliver nothing more."""
        self._scheduler.close(0)
        self._courier.close(0)

    def close(self, timeout_seconds: float) -> None:
        """Wait until the deliveries under way have been made."""
        deadline = Deadline(timeout_seconds)
        self._scheduler.close(deadline.remaining_seconds)
        self._courier.close(deadline.remaining_seconds)

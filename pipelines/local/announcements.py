"""Tells whoever wants to know that something changed its state, as SageMaker tells EventBridge."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from pipelines.local.aws import Json

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Announcement:
    """One change of state.

    Attributes:
        detail_type: EventBridge's, such as `SageMaker Training Job State Change`.
        arn: what changed.
        detail: the event's detail, as AWS documents it for this type; times in epoch
            seconds, of which an event makes what AWS shows.
    """

    detail_type: str
    arn: str
    detail: Json


Listener = Callable[[Announcement], None]


class Announcements:
    """Passes announcements on to listeners, in the thread that announces; safe to share between threads."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()

    def subscribe(self, listener: Listener) -> None:
        """Have `listener` told of every change from now on. It should return at once."""
        with self._lock:
            self._listeners.append(listener)

    def announce(self, announcement: Announcement) -> None:
        """Tell every listener; one that fails does not keep the others from hearing, nor the change from happening."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(announcement)
            except Exception:
                _log.exception("A listener failed on %s of %s", announcement.detail_type, announcement.arn)

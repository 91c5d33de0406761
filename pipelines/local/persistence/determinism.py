"""Makes a repeated call of moto do what it did the first time, with the same identifiers and times, and no more."""

from __future__ import annotations

import datetime
import os
import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import moto.core.utils
import moto.s3.models
import moto.s3.notifications
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.moto_random import MotoRandom

# The modules that read the clock for what moto keeps; nearly all others call `moto.core.utils.utcnow`.
_CLOCKS: tuple[Any, ...] = (moto.core.utils, moto.s3.models)
# The functions through which buckets send notifications and events.
_NOTICES: tuple[tuple[Any, str], ...] = (
    (moto.s3.notifications, "send_event"),
    (moto.s3.notifications, "send_test_event"),
    (moto.s3.models, "events_send_notification"),
)


class _OfThread(threading.local):
    """What a thread's calls of moto see; threads do not disturb each other."""

    def __init__(self) -> None:
        self.generator = random.Random()  # noqa: S311 - of identifiers, not of secrets
        self.moment: float | None = None


_of_thread = _OfThread()


class _Random(MotoRandom):
    """Moto's one source of randomness."""

    def random(self) -> float:
        return _of_thread.generator.random()

    def getrandbits(self, k: int, /) -> int:
        return _of_thread.generator.getrandbits(k)


class _Datetime(datetime.datetime):
    """Moto's clock."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        if _of_thread.moment is None:
            return datetime.datetime.now(tz)
        return datetime.datetime.fromtimestamp(_of_thread.moment, tz)


def install() -> None:
    """Let `repeatable` steer moto, in this process and for good; without it moto is as it was."""
    mock_random.__class__ = _Random  # every module of moto holds this one object already
    uploads: Any = moto.s3.models
    uploads.os = SimpleNamespace(**{**vars(os), "urandom": lambda size: _of_thread.generator.randbytes(size)})
    names = {name: value for name, value in vars(datetime).items() if not name.startswith("__")}
    for module in _CLOCKS:
        module.datetime = SimpleNamespace(**{**names, "datetime": _Datetime})


@contextmanager
def repeatable(seed: int, moment: float) -> Iterator[None]:
    """Within this thread, moto's identifiers are those that `seed` determines, and it is `moment`.

    Args:
        seed: any number.
        moment: in epoch seconds.
    """
    before = _of_thread.generator, _of_thread.moment
    _of_thread.generator, _of_thread.moment = random.Random(seed), moment  # noqa: S311 - see above
    try:
        yield
    finally:
        _of_thread.generator, _of_thread.moment = before


@contextmanager
def unnoticed() -> Iterator[None]:
    """Buckets tell nobody of what happens in them: for calls of which queues and functions were told long ago."""
    with ExitStack() as undo:
        for module, name in _NOTICES:
            undo.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, lambda *_, **__: None)
        yield

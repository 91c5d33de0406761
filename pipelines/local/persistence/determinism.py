"""Makes moto answer a repeated call as it did the first time: the same identifiers, at the same time."""

from __future__ import annotations

import datetime
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import moto.core.utils
import moto.s3.models
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.moto_random import MotoRandom

# The modules that read the clock for what moto keeps: all others call `moto.core.utils.utcnow`.
_CLOCKS: tuple[Any, ...] = (moto.core.utils, moto.s3.models)


class _Generators(threading.local):
    def __init__(self) -> None:
        self.current = random.Random()  # noqa: S311 - of identifiers, not of secrets


_generators = _Generators()


class _RandomOfThread(MotoRandom):
    """Moto's one source of randomness, with a generator for each thread: seeding one call leaves others alone."""

    def random(self) -> float:
        return _generators.current.random()

    def getrandbits(self, k: int, /) -> int:
        return _generators.current.getrandbits(k)


class _SteeredDatetime(datetime.datetime):
    moment = datetime.datetime.fromtimestamp(0, datetime.UTC)

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        return cls.moment.astimezone(tz) if tz else cls.moment.astimezone().replace(tzinfo=None)


def install() -> None:
    """Let moto's identifiers be seeded by `seeded`: its modules share one generator, but for those of uploads."""
    mock_random.__class__ = _RandomOfThread
    uploads: Any = moto.s3.models
    uploads.os = SimpleNamespace(**{**vars(os), "urandom": lambda size: _generators.current.randbytes(size)})


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within this thread, moto's identifiers are those that `seed` determines."""
    before, _generators.current = _generators.current, random.Random(seed)  # noqa: S311 - see above
    try:
        yield
    finally:
        _generators.current = before


@contextmanager
def clock_at(moment: float) -> Iterator[None]:
    """For the whole process, moto believes it is `moment`, in epoch seconds: only before it serves anybody."""
    steered = type("_At", (_SteeredDatetime,), {"moment": datetime.datetime.fromtimestamp(moment, datetime.UTC)})
    names = {name: value for name, value in vars(datetime).items() if not name.startswith("__")}
    for module in _CLOCKS:
        module.datetime = SimpleNamespace(**{**names, "datetime": steered})
    try:
        yield
    finally:
        for module in _CLOCKS:
            module.datetime = datetime

"""Where requests wait for a worker: a bounded queue, so that an overload is told at once and costs no memory."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

from steps.serve.questions import RefusedError

_Result = TypeVar("_Result")


class Desk:
    """Runs work in threads; used from one event loop.

    Args:
        workers: pieces of work at once.
        queue: pieces that may wait.
    """

    def __init__(self, workers: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="worker")
        self._room = workers + queue
        self._taken = 0

    @property
    def taken(self) -> int:
        """Pieces of work that run or wait."""
        return self._taken

    def enter(self) -> None:
        """Take a place, before the request's body is read into memory.

        Raises:
            RefusedError: all are taken (503).
        """
        if self._taken >= self._room:
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, "Too many requests wait for an answer: try again in a second."
            )
        self._taken += 1

    def leave(self) -> None:
        """Give the place back."""
        self._taken -= 1

    async def run(self, work: Callable[[], _Result]) -> _Result:
        """Run `work` in a thread once one is free."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Wait until the work that was begun is done."""
        self._pool.shutdown()

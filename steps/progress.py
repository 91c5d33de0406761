"""Say in the job's log how far a long loop is."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


def reported(
    items: Iterable[Item],
    verb: str,
    unit: str,
    total: int,
    every_seconds: float = 5.0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Item]:
    """Yield `items`, logging `packed 1,200 of 8,293 images, 310/s, 23 s left` now and then, and a last line at the end.

    Args:
        items: what is passed through.
        verb: what was done with an item once the next one is asked for, such as `packed`.
        unit: what an item is, in the plural.
        total: how many items there will be.
        every_seconds: least time between two lines, seconds.
        clock: tells the time in seconds.
    """
    start = last = clock()
    done = 0
    for done, item in enumerate(items, start=1):
        yield item
        now = clock()
        if now - last >= every_seconds:
            rate = done / (now - start)
            left = (total - done) / rate
            logger.info("%s %s of %s %s, %.0f/s, %.0f s left", verb, f"{done:,}", f"{total:,}", unit, rate, left)
            last = now
    seconds = clock() - start
    logger.info("%s %s of %s %s in %.1f s", verb, f"{done:,}", f"{total:,}", unit, seconds)

"""Say how far a long loop is: lines in the job's log, a bar where somebody watches on a terminal."""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

logger = logging.getLogger(__name__)

REDRAW_SECONDS = 0.1

Item = TypeVar("Item")
Show = Callable[[int, str], None]


def reported(
    items: Iterable[Item],
    verb: str,
    unit: str,
    total: int,
    every_seconds: float = 5.0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Item]:
    """Yield `items`, saying `packed 1,200 of 8,293 images, 310/s, 23 s left` now and then, and a last line at the end.

    These words are logged, or stand beside a bar when standard output or standard error is a terminal; the last line is
    logged in any case.

    Args:
        items: what is passed through.
        verb: what was done with an item once the next one is asked for, such as `packed`.
        unit: what an item is, in the plural.
        total: how many items there will be.
        every_seconds: least time between two logged lines, seconds.
        clock: tells the time in seconds.
    """
    start = last = clock()
    done = 0
    terminal = _terminal()
    interval_seconds = REDRAW_SECONDS if terminal else every_seconds
    with _bar(terminal, total) if terminal else _lines() as show:
        for done, item in enumerate(items, start=1):
            yield item
            now = clock()
            if now - last >= interval_seconds:
                rate = done / (now - start)
                left = (total - done) / rate
                show(done, f"{verb} {done:,} of {total:,} {unit}, {rate:,.0f}/s, {left:,.0f} s left")
                last = now
    logger.info("%s %s of %s %s in %.1f s", verb, f"{done:,}", f"{total:,}", unit, clock() - start)


def _terminal() -> TextIO | None:
    return next((stream for stream in (sys.stdout, sys.stderr) if stream.isatty()), None)


@contextmanager
def _lines() -> Iterator[Show]:
    yield lambda _, words: logger.info(words)


@contextmanager
def _bar(terminal: TextIO, total: int) -> Iterator[Show]:
    words_column = TextColumn("{task.description}", markup=False)
    with Progress(BarColumn(30), words_column, console=Console(file=terminal), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda done, words: progress.update(task, completed=done, description=words)

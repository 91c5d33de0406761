"""Do work in threads and take the results in order, holding few of them at a time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """Yield `function(item)` for each item, in the items' order, whatever order the work ends in.

    At most `2 * workers` items are taken ahead of the result that is yielded, so memory is bounded however many items
    there are and however slowly results are used.

    Args:
        function: what is done in `workers` threads.
        items: what it is done to; consumed in the caller's thread.
        workers: how many threads.

    Raises:
        Exception: what `function` raised first in the items' order; work that has not begun is dropped.
    """
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) == 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)

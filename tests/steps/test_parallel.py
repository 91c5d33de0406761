"""Work done in threads comes back in order, few items ahead."""

import threading
from itertools import count, islice

import pytest

from steps.parallel import in_order


def test_results_come_in_the_order_of_the_items_whatever_ends_first() -> None:
    second_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_done.wait(30)
        if item == 1:
            second_done.set()
        return item * 10

    assert list(in_order(work, range(20), workers=3)) == [item * 10 for item in range(20)]


def test_endless_items_are_taken_only_a_little_ahead() -> None:
    items = count()
    results = in_order(str, items, workers=4)
    assert list(islice(results, 10)) == [str(number) for number in range(10)]
    results.close()
    assert next(items) == 9 + 2 * 4


def test_the_workers_run_at_the_same_time() -> None:
    together = threading.Barrier(5, timeout=30)
    assert list(in_order(lambda _: together.wait() >= 0, range(5), workers=5)) == [True] * 5


def test_no_more_workers_run_than_allowed() -> None:
    running, most, lock = 0, 0, threading.Lock()
    released = threading.Event()

    def work(item: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 3:
                released.set()
        assert released.wait(30)
        with lock:
            running -= 1

    list(in_order(work, range(30), workers=3))
    assert most == 3


def test_an_error_is_raised_and_the_remaining_items_are_left_alone() -> None:
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        return 1 // (item - 2)

    with pytest.raises(ZeroDivisionError):
        list(in_order(work, range(1000), workers=2))
    assert len(begun) < 20


def test_no_item_gives_no_result() -> None:
    assert list(in_order(str, [], workers=2)) == []

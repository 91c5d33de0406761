"""Long loops say how far they are."""

import logging
from itertools import count

import pytest

from steps.progress import reported


def test_lines_tell_done_total_rate_and_time_left(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="steps")
    ticks = count()  # a clock that advances by one second per look
    items = list(reported(range(1200), "packed", "images", 1200, every_seconds=1000, clock=lambda: float(next(ticks))))
    assert items == list(range(1200))
    assert caplog.messages == [
        "packed 1,000 of 1,200 images, 1/s, 200 s left",
        "packed 1,200 of 1,200 images in 1201.0 s",
    ]


def test_nothing_to_do_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="steps")
    assert list(reported([], "read", "labels", 0, clock=lambda: 0.0)) == []
    assert caplog.messages == ["read 0 of 0 labels in 0.0 s"]

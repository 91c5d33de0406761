"""Long loops say how far they are: lines in a log, a bar on a terminal."""

import io
import logging
import os
import pty
import re
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from steps.progress import reported

SLOW_LOOP = """
import logging, sys, time
from steps.progress import reported

logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
for _ in reported(range(2000), "packed", "images", 2000):
    time.sleep(0.0003)
"""


@pytest.fixture
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container, even when the tests run in a terminal without capturing."""
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.StringIO())


def on_terminal(**streams: int) -> str:
    """What a slow loop writes to a terminal that is its standard error, and its output unless `streams` says other."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm", "COLUMNS": "120"}
    command = [sys.executable, "-c", SLOW_LOOP]
    with subprocess.Popen(command, env=environment, stderr=theirs, **{"stdout": theirs} | streams) as process:
        os.close(theirs)
        shown = b""
        try:
            while more := os.read(ours, 4096):
                shown += more
        except OSError:  # Linux says so when the other side has closed
            pass
        written = process.stdout.read().decode() if process.stdout else ""
    os.close(ours)
    assert process.returncode == 0
    return f"{shown.decode()}\0{written}"


def test_lines_tell_done_total_rate_and_time_left(caplog: pytest.LogCaptureFixture, no_terminal: None) -> None:
    caplog.set_level(logging.INFO, logger="steps")
    ticks = count()  # a clock that advances by one second per look
    items = list(reported(range(1200), "packed", "images", 1200, every_seconds=1000, clock=lambda: float(next(ticks))))
    assert items == list(range(1200))
    assert caplog.messages == [
        "packed 1,000 of 1,200 images, 1/s, 200 s left",
        "packed 1,200 of 1,200 images in 1201.0 s",
    ]


def test_nothing_to_do_is_one_line(caplog: pytest.LogCaptureFixture, no_terminal: None) -> None:
    caplog.set_level(logging.INFO, logger="steps")
    assert list(reported([], "read", "labels", 0, clock=lambda: 0.0)) == []
    assert caplog.messages == ["read 0 of 0 labels in 0.0 s"]


def test_a_terminal_shows_a_bar_with_the_same_words_and_the_last_line() -> None:
    shown = on_terminal()
    assert "━" in shown
    assert re.search(r"packed [\d,]+ of 2,000 images, [\d,]+/s, \d+ s left", shown)
    assert re.search(r"packed 2,000 of 2,000 images in \d+\.\d s", shown)


def test_the_bar_goes_to_standard_error_when_only_that_is_a_terminal() -> None:
    shown, _, written = on_terminal(stdout=subprocess.PIPE).partition("\0")
    assert "━" in shown
    assert re.fullmatch(r"packed 2,000 of 2,000 images in \d+\.\d s\n", written)


def test_without_a_terminal_there_is_no_bar() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "FORCE_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SLOW_LOOP], env=environment, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"packed 2,000 of 2,000 images in \d+\.\d s\n", done.stdout + done.stderr)

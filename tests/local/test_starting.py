"""Starts that fail: whatever goes wrong, and whenever, nothing is left behind and the next start works."""

import contextlib
import socket
import threading

import pytest

from pipelines.local import EmbeddedSageMaker
from pipelines.local.hosting.service import Hosting
from pipelines.local.persistence.journal import Journal


class Unforeseen(Exception):
    """What no code expects."""


def served(port):
    """Whether anybody listens."""
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=10):
        return True
    return False


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize(("part", "step"), [(Journal, "__init__"), (Journal, "restore"), (Hosting, "resume")])
def test_a_start_that_fails_leaves_no_server_and_the_next_one_works(
    part, step, monkeypatch, tmp_path, free_port, s3_of
):
    def fail(*_):
        raise Unforeseen

    server = EmbeddedSageMaker(state=tmp_path, port=free_port)
    before = set(threading.enumerate())
    with monkeypatch.context() as patch:
        patch.setattr(part, step, fail)
        with pytest.raises(Unforeseen):
            server.start()
    assert not served(free_port)
    assert set(threading.enumerate()) == before
    server.stop()  # there is nothing to stop
    with server as aws:
        s3_of(aws).create_bucket(Bucket="works")

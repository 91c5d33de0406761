"""Requests that are no HTTP, or lie about themselves, harm nobody but their sender."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

RAW = {
    "no request": b"\x00\xff\x16\x03\x01" * 50 + b"\r\n\r\n",
    "no method": b"/invocations\r\n\r\n",
    "a negative length": b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "a length of words": b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    "a huge length": b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "a huge declared body": b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n",
    "two lengths": b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 9\r\n\r\nabc",
    "a broken chunk": b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\nabc\r\n",
    "half a chunk": b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFF\r\nabc",
    "a long header": b"POST /invocations HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n",
    "many headers": b"POST /invocations HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 50_000 + b"\r\n",
    "another method": b"PATCH /invocations HTTP/1.1\r\nHost: x\r\n\r\n",
    "another path": b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", RAW)
def test_a_broken_request_is_refused_or_cut_off_and_the_next_one_is_answered(
    served: Any, photo: Callable[..., bytes], name: str
) -> None:
    before = served.ask(photo()).json()
    with socket.create_connection(served.address, timeout=30) as client:
        try:
            client.sendall(RAW[name])
            client.shutdown(socket.SHUT_WR)
            said = client.recv(200)
        except (ConnectionError, BrokenPipeError):
            said = b""
        assert not said or said.split()[1][:1] == b"4", said
    assert served.ask(photo()).json() == before

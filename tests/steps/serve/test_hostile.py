"""The endpoint under fire: thousands of broken requests, slow clients and overload change none of its answers.

HOSTILE_PAYLOADS and HOSTILE_SECONDS make it longer than the few minutes that `make test-slow` grants it.
"""

import base64
import io
import json
import os
import socket
import struct
import threading
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from pipelines.demo.camera import encode_jpeg
from pipelines.demo.simulator import render_bin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

PAYLOADS = int(os.environ.get("HOSTILE_PAYLOADS", "1000"))
SECONDS = float(os.environ.get("HOSTILE_SECONDS", "5"))
REAL_PHOTOS = Path(__file__).parents[4] / "shared" / "abid" / "bucket" / "bin-images"

GROWTH_BYTES = 40 * 2**20
"""Room for the allocator: a leak of one 60 KB photo in ten requests would take it up in 7,000."""

OVERLOAD = 8
"""Clients at once for each place at the desk."""

KINDS = ("image/jpeg", "image/png", "image/webp", "application/x-image", "application/json", "application/jsonlines")


def _photos() -> list[bytes]:
    files = sorted(REAL_PHOTOS.glob("*.jpg"))[:6] if REAL_PHOTOS.is_dir() else []
    drawn = [encode_jpeg(render_bin(count=number % 6, seed=number).image, 80) for number in range(6)]
    return [*drawn, *(file.read_bytes() for file in files)]


PHOTOS = _photos()


def _as(form: str, photo: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(photo)).save(buffer, form)
    return buffer.getvalue()


def _png(width: int, height: int, data: bytes) -> bytes:
    """A PNG of 8-bit RGB that claims this size, whatever its data hold."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _zip(size: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("photo.jpg", bytes(size))
    return buffer.getvalue()


BOMBS = [
    _png(60_000, 60_000, zlib.compress(bytes(1000))),
    _png(2**31 - 1, 2**31 - 1, b""),
    _png(4000, 4000, zlib.compress(bytes(48_004_000), 9)),
    _png(10, 10, zlib.compress(bytes(50_000_000), 9)),
    _zip(100_000_000),
    json.dumps({"image": base64.b64encode(_zip(50_000_000)).decode()}).encode(),
    b"[" * 100_000,
    b'{"image":' * 10_000,
]
SEEDS = [*PHOTOS, *(_as(form, PHOTOS[0]) for form in ("PNG", "WEBP")), *BOMBS]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A photo or bomb that was cut, overwritten in places, or had another put into it."""
    content = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 6))):
        where = draw(st.integers(0, max(0, len(content) - 1)))
        match draw(st.sampled_from(["cut", "overwrite", "insert", "remove", "splice"])):
            case "cut":
                del content[where:]
            case "overwrite":
                content[where : where + 4] = draw(st.binary(min_size=4, max_size=4))
            case "insert":
                content[where:where] = draw(st.binary(max_size=200))
            case "remove":
                del content[where : where + draw(st.integers(1, 500))]
            case "splice":
                content[where:] = draw(st.sampled_from(SEEDS))[where:]
    return bytes(content[:1_500_000])


lines = st.builds(
    lambda image, more: json.dumps({"image": image, **more}).encode(),
    st.one_of(st.text(max_size=50), mutated().map(lambda content: base64.b64encode(content).decode())),
    st.dictionaries(st.sampled_from(["expected_quantity", "x"]), st.one_of(st.integers(), st.text(max_size=9))),
)
payloads = st.one_of(mutated(), mutated(), st.binary(max_size=2000), lines, st.lists(lines, max_size=4).map(b"\n".join))
words = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60).map(str.strip)
accepted = st.one_of(st.just("*/*"), st.sampled_from(["application/json", "text/csv"]), words)
kinds = st.one_of(st.sampled_from(KINDS), st.sampled_from(KINDS), words)


@pytest.fixture(scope="module")
def target(start: Callable[..., Any], model: Path) -> Any:
    return start(model, SERVE_QUEUE="4", SERVE_WORKERS="1", SERVE_BODY_SECONDS="2", SERVE_MOST_IMAGES="8")


@pytest.fixture(scope="module")
def truth(target: Any) -> list[Any]:
    """What the endpoint says of each photo before anything happened to it."""
    return [target.ask(photo).json() for photo in PHOTOS]


@pytest.fixture(scope="module")
def memory(target: Any, truth: list[Any]) -> Callable[[], int]:
    """Resident bytes of the serving process beyond those it took once it had seen each kind of hostile request."""
    process = psutil.Process(target.process.pid)
    for content in SEEDS * 3:
        target.ask(content)
    before = process.memory_info().rss
    print(f"\nresident before: {before / 2**20:.0f} MiB")
    return lambda: process.memory_info().rss - before


def test_no_payload_crashes_it_or_changes_an_answer(target: Any, truth: list[Any], memory: Callable[[], int]) -> None:
    seen: Counter[int] = Counter()

    @settings(
        max_examples=PAYLOADS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(payloads, kinds, accepted)
    def fire(content: bytes, kind: str, accept: str) -> None:
        answer = target.ask(content, kind, Accept=accept)
        seen[answer.status_code] += 1
        assert answer.status_code == 200 or 400 <= answer.status_code < 500, (kind, accept, content[:80])
        if answer.status_code != 200:
            assert set(answer.json()) == {"error"}
            assert "Traceback" not in answer.text
        if seen.total() % 50 == 0:
            number = seen.total() // 50 % len(PHOTOS)
            assert target.ask(PHOTOS[number]).json() == truth[number]

    fire()
    print(f"{seen.total():,} payloads: {dict(sorted(seen.items()))}; grown by {memory() / 2**20:.1f} MiB")
    assert target.process.poll() is None
    assert memory() < GROWTH_BYTES


def test_slow_clients_hinder_nobody(target: Any, truth: list[Any], memory: Callable[[], int]) -> None:
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 50000\r\n\r\n"
    silent = [socket.create_connection(target.address) for _ in range(100)]  # never finish their first line
    slow = [socket.create_connection(target.address) for _ in range(3)]  # each holds one of the desk's five places
    for client in silent:
        client.sendall(b"POST /invo")
    for client in slow:
        client.sendall(head)
    for number, photo in enumerate(PHOTOS):
        for client in slow:
            client.sendall(b"x")
        assert target.ask(photo).json() == truth[number]
    for client in slow:
        client.settimeout(60)
        assert client.recv(100).split()[1] == b"408"
    for client in [*silent, *slow]:
        client.close()
    assert memory() < GROWTH_BYTES


def test_an_overload_is_told_with_503_and_everyone_else_gets_the_right_answer(
    target: Any, truth: list[Any], memory: Callable[[], int]
) -> None:
    seen: Counter[int] = Counter()
    wrong: list[object] = []
    lock = threading.Lock()
    end = time.monotonic() + SECONDS

    def client(number: int) -> None:
        session = requests.Session()
        session.trust_env = False
        while time.monotonic() < end:
            number = (number + 1) % len(PHOTOS)
            answer = session.post(
                f"{target.url}/invocations", PHOTOS[number], headers={"Content-Type": "image/jpeg"}, timeout=60
            )
            fine = answer.status_code == 503 and answer.headers["Retry-After"] == "1"
            with lock:
                seen[answer.status_code] += 1
                if not fine and (answer.status_code != 200 or answer.json() != truth[number]):
                    wrong.append((number, answer.status_code, answer.text[:200]))
        session.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(OVERLOAD * 5)]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        assert requests.get(f"{target.url}/ping", timeout=60).status_code == 200
        time.sleep(0.2)
    for thread in threads:
        thread.join(120)
    print(f"\n{OVERLOAD} times as many clients as places, {SECONDS:g} s: {dict(sorted(seen.items()))}")
    print(f"grown by {memory() / 2**20:.1f} MiB")
    assert not wrong[:5]
    assert seen[503]
    assert seen[200]
    assert target.process.poll() is None
    assert memory() < GROWTH_BYTES

"""The endpoint's process over real HTTP: what it answers, what it refuses, how it ends."""

import base64
import io
import json
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from steps.decision import Decision
from steps.images import preprocess
from steps.scoring import answer
from steps.shards import Dataset, Shards, write_dataset, write_shard
from steps.signature import read_signature

PROBABILITIES = ("0", "1", "2", "3", "4", "5")


def picture(seed: int, kind: str = "JPEG", size: tuple[int, int] = (90, 60)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def as_json(photo: bytes, **more: object) -> bytes:
    return json.dumps({"image": base64.b64encode(photo).decode(), **more}).encode()


def test_an_image_is_answered_with_a_count_and_how_sure_that_is(served) -> None:
    response = served.ask(picture(1), **{"X-Amzn-SageMaker-Custom-Attributes": "trace=7"})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Amzn-SageMaker-Custom-Attributes"] == "trace=7"
    found = response.json()
    assert set(found) == {"count", "confidence", "probabilities", "expected_value"}
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert found["confidence"] == found["probabilities"][str(found["count"])] == max(found["probabilities"].values())
    mean = sum(int(name) * value for name, value in found["probabilities"].items())
    assert found["expected_value"] == pytest.approx(mean, abs=1e-5)


def test_the_endpoint_answers_what_evaluation_answers(served, model, tmp_path) -> None:
    signature = read_signature(model)
    photos = [picture(seed, "PNG", (40 + seed * 7, 50)) for seed in range(20)]
    pixels = np.stack([preprocess(photo, signature.preprocessing) for photo in photos])
    write_dataset(tmp_path, Dataset(classes=signature.classes, preprocessing=signature.preprocessing))
    ids = np.array([f"{number:05d}" for number in range(20)])
    write_shard(tmp_path, "algo-1-00000", pixels, np.zeros(20, np.int64), ids)
    scored = answer(model, signature, Shards(tmp_path), batch_size=7)
    for photo, expected, index in zip(photos, scored.probabilities, scored.predictions, strict=True):
        found = served.ask(photo, "image/png").json()
        assert list(found["probabilities"].values()) == pytest.approx(expected.tolist(), abs=1e-5)
        assert found["count"] == index


@pytest.mark.parametrize(
    ("kind", "type_"), [("PNG", "image/png"), ("WEBP", "image/webp"), ("JPEG", "application/x-image")]
)
def test_every_documented_image_type_is_taken(served, kind, type_) -> None:
    assert served.ask(picture(2, kind), type_).status_code == 200


def test_an_expected_quantity_is_judged_by_its_probability(served) -> None:
    probabilities = served.ask(picture(3)).json()["probabilities"]
    for quantity, probability in ((int(name), value) for name, value in probabilities.items()):
        found = served.ask(as_json(picture(3), expected_quantity=quantity), "application/json").json()
        assert found["probability_of_match"] == pytest.approx(probability, abs=1e-6)
        wanted = "match" if probability >= 0.5 else "mismatch" if probability < 0.05 else "unsure"
        assert found["verdict"] == wanted
    found = served.ask(as_json(picture(3), expected_quantity=17), "application/json").json()
    assert (found["verdict"], found["probability_of_match"]) == ("unsure", None)


def test_lines_are_answered_line_by_line_in_the_type_that_is_accepted(served) -> None:
    lines = b"\n".join([as_json(picture(4)), as_json(picture(5), expected_quantity=2)])
    response = served.ask(lines, "application/jsonlines; charset=utf-8")
    assert response.headers["Content-Type"] == "application/jsonlines"
    first, second = map(json.loads, response.text.splitlines())
    assert first == served.ask(picture(4)).json()
    assert second["expected_quantity"] == 2
    table = served.ask(lines, "application/jsonlines", Accept="text/csv").text.splitlines()
    cells = table[1].split(",")
    assert int(cells[0]) == second["count"]
    assert [float(cell) for cell in cells[2:8]] == pytest.approx(list(second["probabilities"].values()))
    assert cells[8] == second["verdict"]


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes whose header promises a huge image."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0" * 999))]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in [*chunks, (b"IEND", b"")]
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("content", "kind", "status", "words"),
    [
        (b"hello", "image/jpeg", 400, "not an image"),
        (b"", "image/jpeg", 400, "empty"),
        (picture(6)[:-200], "image/jpeg", 400, "broken image"),
        (bomb(50_000, 50_000), "image/png", 400, "pixels that are allowed"),
        (b"PK\x03\x04rest", "image/png", 400, "a zip archive"),
        (b"hello", "text/plain", 415, "is not taken"),
        (b"hello", "", 415, "is not taken"),
        (b"{", "application/json", 400, "not JSON"),
        (b"[" * 100_000, "application/json", 400, "not JSON"),
        (b"{}", "application/json", 400, "image: Field required"),
        (b'{"image": "%%%"}', "application/json", 400, "not base64"),
        (b'{"image": ""}', "application/json", 400, "image is empty"),
        (as_json(picture(7), expected_quantity=-1), "application/json", 400, "expected_quantity"),
        (as_json(picture(7), expected_quantity="three"), "application/json", 400, "expected_quantity"),
        (as_json(picture(7), expected=3), "application/json", 400, "expected"),
        (b"\n\n", "application/jsonlines", 400, "no line"),
        (b"\n".join([as_json(picture(8))] * 4), "application/jsonlines", 413, "4 lines"),
        (b"\n".join([as_json(picture(8)), b"{"]), "application/jsonlines", 400, "Line 2"),
        (b"\n".join([as_json(picture(8)), as_json(b"hello")]), "application/jsonlines", 400, "Image 2"),
        (b"x" * 1_000_001, "image/jpeg", 413, "longer than 1,000,000 bytes"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_a_sentence(served, content, kind, status, words) -> None:
    response = served.ask(content, kind)
    assert response.status_code == status
    assert words in response.json()["error"]
    assert "Traceback" not in response.text


def test_an_answer_that_nobody_accepts_is_refused(served) -> None:
    assert served.ask(picture(1), Accept="text/html").status_code == 406


@given(
    content=st.binary(max_size=2000), kind=st.sampled_from(["image/png", "application/json", "application/jsonlines"])
)
def test_random_bytes_are_refused_not_crashed_on(served, content, kind) -> None:
    assert served.ask(content, kind).status_code in (400, 413, 415)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_damaged_photos_are_answered_or_refused(served, seed, damage) -> None:
    random = np.random.default_rng(seed)
    photo = bytearray(picture(9))
    for position in random.integers(0, len(photo), damage):
        photo[position] = random.integers(0, 256)
    assert served.ask(bytes(photo)).status_code in (200, 400)


def test_a_body_that_does_not_come_is_given_up(served) -> None:
    with socket.create_connection(served.address, timeout=30) as slow:
        slow.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\nabc"
        )
        assert b" 408 " in slow.recv(4096).split(b"\r\n")[0]


def test_more_requests_than_may_wait_are_told_to_come_again(start, model) -> None:
    served = start(model, SERVE_WORKERS="1", SERVE_QUEUE="1", SERVE_BODY_SECONDS="60", SERVE_METRICS="1")
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\n"
    held = [socket.create_connection(served.address, timeout=30) for _ in range(2)]
    for each in held:
        each.sendall(head)
    wait_for(served, 2)
    response = served.ask(picture(1))
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    for each in held:
        each.close()
    wait_for(served, 0)
    assert served.ask(picture(1)).status_code == 200


def wait_for(served, in_hand: int) -> None:
    """Wait until so many requests have a place."""
    deadline = time.monotonic() + 30
    while f"invocations_in_hand {in_hand}.0" not in served.client.get(f"{served.url}/metrics", timeout=60).text:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_requests_side_by_side_get_their_own_answers(served) -> None:
    photos = [picture(seed) for seed in range(8)]
    alone = [served.ask(photo).json() for photo in photos]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda number: served.ask(photos[number % 8]).json(), range(80)))
    assert together == [alone[number % 8] for number in range(80)]


def test_named_classes_are_answered_by_name_and_expect_no_quantity(start, make_model) -> None:
    served = start(make_model(("beagle", "boxer", "pug"), Decision()))
    found = served.ask(picture(1)).json()
    assert found["class"] in ("beagle", "boxer", "pug")
    assert "expected_value" not in found
    refused = served.ask(as_json(picture(1), expected_quantity=1), "application/json")
    assert refused.status_code == 400
    assert "classes are names" in refused.json()["error"]


def test_requests_in_hand_are_answered_after_sigterm(start, model) -> None:
    served = start(model)
    body = picture(1)
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(served.address, timeout=30) as connection:
        connection.sendall(head.encode() + body[:100])
        ender = threading.Thread(target=served.close)
        ender.start()
        connection.sendall(body[100:])
        assert b" 200 " in connection.recv(4096).split(b"\r\n")[0]
        ender.join()
    assert served.process.poll() is not None


def test_each_invocation_is_a_line_of_json_in_the_log_and_counted(served) -> None:
    served.ask(picture(1), **{"X-Amzn-SageMaker-Inference-Id": "abc"})
    text = served.log.read_text().splitlines()  # with what libjpeg says of damaged photos
    lines = [json.loads(line) for line in text if line.startswith("{")]
    (line,) = [line for line in lines if line["inference_id"] == "abc"]
    assert (line["status"], line["content_type"]) == (200, "image/jpeg")
    assert 'invocations_total{status="200"}' in served.client.get(f"{served.url}/metrics", timeout=60).text


def test_a_folder_without_a_model_ends_the_process_with_a_sentence(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "steps.serve"],
        env={"SAGEMAKER_BASE_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "holds no model" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("SERVE_QUEUE", "many"), ("SERVE_QEUE", "3"), ("SAGEMAKER_BIND_TO_PORT", "99999")]
)
def test_a_wrong_variable_ends_the_process_with_a_sentence(tmp_path, name, value) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "steps.serve"],
        env={"SAGEMAKER_BASE_DIR": str(tmp_path), "PATH": "/usr/bin:/bin", name: value},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: the environment variable ")

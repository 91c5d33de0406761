"""The serving image: how soon it is healthy, what it answers, how it ends."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

pytestmark = [pytest.mark.slow, pytest.mark.images, pytest.mark.timeout(3600)]

REPOSITORY = Path(__file__).resolve().parents[2]
NOBODY = 65534


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Twenty photos in which no two neighbours are alike, of several sizes."""
    random = np.random.default_rng(2)
    folder = tmp_path_factory.mktemp("photos")
    for number in range(20):
        coarse = random.integers(0, 256, (5, 4 + number % 3, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((300 + 40 * number, 420)).save(folder / f"{number:02d}.jpg", quality=90)
    return [file.read_bytes() for file in sorted(folder.iterdir())]


class Asked:
    """A serving process, healthy, and a client of it.

    Attributes:
        seconds: from its start to its health.
    """

    def __init__(self, start: Callable[[str], subprocess.Popen[str]]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.client = requests.Session()
        self.client.trust_env = False
        began = time.monotonic()
        self.process = start(str(port))
        while not self._healthy():
            assert self.process.poll() is None, self.process.stdout and self.process.stdout.read()
            assert time.monotonic() < began + 120
            time.sleep(0.02)
        self.seconds = time.monotonic() - began

    def _healthy(self) -> bool:
        try:
            return self.client.get(f"{self.url}/ping", timeout=2).status_code == 200
        except requests.ConnectionError:
            return False

    def answers(self, photos: list[bytes]) -> list[dict[str, Any]]:
        headers = {"Content-Type": "image/jpeg"}
        sent = [
            self.client.post(f"{self.url}/invocations", data=photo, headers=headers, timeout=60) for photo in photos
        ]
        return [response.json() for response in sent]

    def end(self) -> int:
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture
def asked() -> Iterator[Callable[[Callable[[str], subprocess.Popen[str]]], Asked]]:
    started: list[Asked] = []

    def ask(start: Callable[[str], subprocess.Popen[str]]) -> Asked:
        started.append(Asked(start))
        return started[-1]

    yield ask
    for each in started:
        if each.process.poll() is None:
            each.end()


@pytest.fixture
def in_container(
    container: Callable[[str], Any], model: Path, tmp_path: Path, asked: Callable[..., Asked]
) -> Callable[[int], Asked]:
    """Serve the model in the image, as a user."""
    image = container("serving")

    def serve(user: int) -> Asked:
        opt_ml = tmp_path / str(user) / "ml"
        shutil.copytree(model, opt_ml / "model")
        return asked(lambda port: image.start(["serve"], opt_ml, user, SAGEMAKER_BIND_TO_PORT=port))

    return serve


def test_the_container_answers_as_a_plain_process_does_whoever_runs_it(
    in_container: Callable[[int], Asked], asked: Callable[..., Asked], model: Path, photos: list[bytes], tmp_path: Path
) -> None:
    shutil.copytree(model, tmp_path / "plain" / "model")
    own = {"SAGEMAKER_BASE_DIR": str(tmp_path / "plain"), "PYTHONPATH": str(REPOSITORY)}
    words = [sys.executable, "-m", "steps.serve"]
    plain = asked(
        lambda port: subprocess.Popen(
            words, env={**os.environ, **own, "SAGEMAKER_BIND_TO_PORT": port}, stdout=subprocess.PIPE, text=True
        )
    )
    expected = plain.answers(photos)
    assert len({json.dumps(answer) for answer in expected}) > 10
    served = {user: in_container(user) for user in (0, NOBODY)}
    for user, process in served.items():
        assert process.answers(photos) == expected, user
    told = ", ".join(f"{process.seconds:.1f} s as user {user}" for user, process in served.items())
    print(f"\nfrom start to healthy: {told}, {plain.seconds:.1f} s as a plain process")


def test_the_container_ends_when_sagemaker_asks_it_to(in_container: Callable[[int], Asked]) -> None:
    assert in_container(0).end() in (0, 128 + signal.SIGTERM)


def test_a_container_without_a_model_ends_with_its_reason(container: Callable[[str], Any], tmp_path: Path) -> None:
    (tmp_path / "ml" / "model").mkdir(parents=True)
    code, log = container("serving").run(["serve"], tmp_path / "ml")
    assert code == 1
    assert "error: " in log
    assert "Traceback" not in log

"""A small exported model, and the serving process that answers with it over real HTTP."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
import torch

from steps.decision import Decision
from steps.preprocessing import Preprocessing
from steps.signature import Signature
from steps.train.export import export
from steps.train.networks.network import MEAN, STD, Classifier

REPOSITORY = Path(__file__).parents[3]
SIZE = 32
DECISION = Decision(temperature=1.5, mirrored=True)
COUNTS = ("0", "1", "2", "3", "4", "5")


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a model with random weights, as training writes one; returns its folder, named `model`."""

    def make(classes: tuple[str, ...] = COUNTS, decision: Decision = DECISION) -> Path:
        folder = tmp_path_factory.mktemp("base") / "model"
        folder.mkdir()
        torch.manual_seed(1)
        signature = Signature(
            classes=classes,
            preprocessing=Preprocessing(size=SIZE, resize="pad"),
            mean=MEAN,
            std=STD,
            architecture="baseline",
            training_job="none",
            decision=decision,
        )
        images = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3), dtype=np.uint8)
        export(Classifier("baseline", len(classes)).eval(), signature, images, folder)
        return folder

    return make


class Served:
    """A serving process and a client of it."""

    def __init__(self, model: Path, log: Path, **variables: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        own = {
            "SAGEMAKER_BASE_DIR": str(model.parent),
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "PYTHONPATH": str(REPOSITORY),
        }
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, "-m", "steps.serve"],
            env={**os.environ, **own, **variables},
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        self.address = ("127.0.0.1", port)
        self.url = f"http://127.0.0.1:{port}"
        self.client = requests.Session()
        self.client.trust_env = False
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, self.log.read_text()
            try:
                self.client.get(f"{self.url}/ping", timeout=60).raise_for_status()
                return
            except requests.ConnectionError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.02)

    def ask(self, content: bytes, kind: str = "image/jpeg", **headers: str) -> requests.Response:
        return self.client.post(
            f"{self.url}/invocations", data=content, headers={"Content-Type": kind, **headers}, timeout=60
        )

    def close(self) -> int:
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture(scope="session")
def start(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Served]]:
    """Start a serving process on a model folder, with environment variables; it ends with the tests."""
    started: list[Served] = []

    def make(model: Path, **variables: str) -> Served:
        started.append(Served(model, tmp_path_factory.mktemp("log") / "log", **variables))
        return started[-1]

    yield make
    for each in started:
        if each.process.poll() is None:
            each.close()


@pytest.fixture(scope="session")
def model(make_model: Callable[..., Path]) -> Path:
    """The folder of a model that counts 0 to 5."""
    return make_model()


@pytest.fixture(scope="session")
def served(start: Callable[..., Served], model: Path) -> Served:
    """The serving process that most tests ask."""
    return start(model, SERVE_METRICS="1", SERVE_MOST_IMAGES="3", SERVE_LARGEST_REQUEST_MB="1", SERVE_BODY_SECONDS="1")

"""How fast a photo is answered: our endpoint, one of FastAPI and PyTorch, one of FastAPI and plain OpenVINO.

To be run on an idle machine: where others take part of the cores, whoever has more threads gets more of them.
"""

import http.client
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from rich.console import Console
from rich.table import Table

from steps.preprocessing import Preprocessing
from steps.runtime import openvino
from steps.signature import Signature, read_signature
from steps.train.export import export
from steps.train.int8 import quantise
from steps.train.networks.network import MEAN, STD, Classifier

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
SIZE = 224
ROUNDS = 3
SECONDS = 6.0
WARM_UP = 10
CLIENTS = 8

OURS, EXACT = "ours, int8", "ours, float32"
EAGER, PLAIN = "FastAPI + PyTorch", "FastAPI + OpenVINO"
COMMANDS = {
    EAGER: [str(HERE / "reference_endpoint.py"), "{model}", "{port}", "eager"],
    PLAIN: [str(HERE / "reference_endpoint.py"), "{model}", "{port}", "openvino"],
    EXACT: ["-m", "steps.serve"],
    OURS: ["-m", "steps.serve"],
}


@dataclass
class Measured:
    """What was measured of one endpoint, a value a round: milliseconds, requests per second, seconds, MiB."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    together: list[float] = field(default_factory=list)
    healthy: list[float] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet-34 as training writes one."""
    folder = tmp_path_factory.mktemp("base") / "model"
    folder.mkdir()
    signature = Signature(
        classes=tuple("012345"),
        preprocessing=Preprocessing(size=SIZE),
        mean=MEAN,
        std=STD,
        architecture="resnet34",
        training_job="none",
    )
    images = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    export(Classifier("resnet34", 6).eval(), signature, images, folder)
    return folder


@pytest.fixture(scope="module")
def int8_model(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network in int8."""
    folder = tmp_path_factory.mktemp("base") / "model"
    folder.mkdir()
    signature = read_signature(model).model_copy(update={"network": "model-int8.xml"})
    images = np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE, 3), dtype=np.uint8)
    openvino.save_model(quantise(model / "model.onnx", images), folder / signature.network)
    signature.write(folder)
    return folder


@pytest.fixture(scope="module")
def photos(request: pytest.FixtureRequest) -> list[bytes]:
    """Photos of real bins where they are here, else of simulated ones as large."""
    try:
        return request.getfixturevalue("real_photos")[:24]
    except pytest.skip.Exception:
        return request.getfixturevalue("simulated_photos")


@contextmanager
def running(name: str, model: Path, measured: Measured) -> Iterator[tuple[int, psutil.Process]]:
    """Start an endpoint and wait until it is healthy."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment |= {
        "SAGEMAKER_BASE_DIR": str(model.parent),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "PYTHONPATH": str(REPOSITORY),
    }
    command = [sys.executable, *(part.format(model=model, port=port) for part in COMMANDS[name])]
    begun = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        while not healthy(port):
            assert process.poll() is None
            time.sleep(0.01)
        measured.healthy.append(time.perf_counter() - begun)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def healthy(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False


def ask(port: int, photos: Iterator[bytes], seconds: float) -> list[float]:
    """Ask one photo after the other; answers how long each took, seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    taken = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        connection.request("POST", "/invocations", next(photos), {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        taken.append(time.perf_counter() - start)
    connection.close()
    return taken


def measure(name: str, model: Path, photos: list[bytes], measured: Measured) -> None:
    with running(name, model, measured) as (port, process):
        for _ in range(WARM_UP):
            ask(port, cycle(photos), 0.05)
        taken = ask(port, cycle(photos), SECONDS)
        measured.p50.append(1000 * statistics.median(taken))
        measured.p99.append(1000 * float(np.quantile(taken, 0.99)))
        measured.alone.append(len(taken) / sum(taken))
        counts: list[int] = []

        def client(number: int) -> None:
            counts.append(len(ask(port, islice(cycle(photos), number, None), SECONDS)))

        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        measured.together.append(sum(counts) / (time.perf_counter() - begun))
        measured.resident.append(process.memory_info().rss / 2**20)


def test_photos_are_answered_by_ours_and_by_what_tutorials_write(
    model: Path, int8_model: Path, photos: list[bytes]
) -> None:
    found = {name: Measured() for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, measured in found.items():
            measure(name, int8_model if name == OURS else model, photos, measured)
    show(found)
    assert all(rate > 0 for measured in found.values() for rate in measured.together)


def show(found: dict[str, Measured]) -> None:
    title = f"ResNet-34, {SIZE} px, {os.cpu_count()} cores, torch {torch.__version__}; median of {ROUNDS} rounds"
    table = Table(title=title, title_justify="left")
    headings = ("p50 ms", "ours is", "p99 ms", "/s, 1 client", f"/s, {CLIENTS} clients", "ours is", "healthy s", "MiB")
    table.add_column("")
    for heading in headings:
        table.add_column(heading, justify="right")
    ours = found[OURS]
    for name, each in found.items():
        faster = statistics.median(a / b for a, b in zip(each.p50, ours.p50, strict=True))
        more = statistics.median(b / a for a, b in zip(each.together, ours.together, strict=True))
        cells = [
            f"{statistics.median(each.p50):.1f}",
            f"{faster:.1f} x",
            f"{statistics.median(each.p99):.1f}",
            f"{statistics.median(each.alone):.1f}",
            f"{statistics.median(each.together):.1f}",
            f"{more:.1f} x",
            f"{statistics.median(each.healthy):.2f}",
            f"{statistics.median(each.resident):.0f}",
        ]
        table.add_row(name, *cells)
    Console(width=140).print(table)

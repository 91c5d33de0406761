"""What the benchmarks share: photos to work on, and how candidates are timed and shown."""

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from rich.console import Console
from rich.table import Table

from pipelines.demo.camera import encode_jpeg
from pipelines.demo.simulator import render_bin
from steps.train.device import choose_compute
from steps.train.hosts.team import ALONE
from steps.train.learner import Learner
from steps.train.networks.network import Classifier
from steps.train.recipe.average import Average
from steps.train.recipe.optimizer import make_optimizer
from steps.train.recipe.schedule import Schedule
from steps.train.recipe.stopping import EarlyStopping
from steps.train.recipe.targets import target_table
from steps.train.settings import TrainSettings
from steps.train.state import State
from steps.train.tally import Tally

HERE = Path(__file__).parent
REAL_PHOTOS = HERE.parents[2] / "shared" / "abid" / "bucket" / "bin-images"


@pytest.fixture(scope="session")
def simulated_photos() -> list[bytes]:
    """JPEG files of 24 simulated bins, as large as real photos: 400 to 800 px on the longer side."""
    photos = []
    for number in range(24):
        image = render_bin(count=number % 6, seed=number).image
        scale = (400 + number * 400 / 23) / max(image.shape[:2])
        enlarged = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        photos.append(encode_jpeg(enlarged, 70 + number))
    return photos


@pytest.fixture(scope="session")
def real_photos() -> list[bytes]:
    """JPEG files of real bins; skips where they are not."""
    files = sorted(REAL_PHOTOS.glob("*.jpg"))
    if not files:
        pytest.skip(f"real bin photos are not here: {REAL_PHOTOS}")
    return [file.read_bytes() for file in files]


@pytest.fixture
def s3_server() -> Callable[[int, int, float], AbstractContextManager[str]]:
    """Endpoint of a fast S3 server of objects of some bytes that waits before it answers."""

    @contextmanager
    def serve(objects: int, object_bytes: int, latency_seconds: float) -> Iterator[str]:
        options = {"objects": objects, "object-bytes": object_bytes, "latency-seconds": latency_seconds}
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        command = [sys.executable, str(HERE / "s3_server.py"), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
            server.terminate()

    return serve


@pytest.fixture
def run_client() -> Callable[..., dict[str, float]]:
    """Run a script of this folder that talks to S3, in a process of its own; it prints figures as JSON."""

    def run(script: str, endpoint: str, *arguments: str) -> dict[str, float]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        place = {"AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "127.0.0.1"}
        alone = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "PYTHONPATH": str(HERE.parents[1])}
        command = [sys.executable, str(HERE / script), *arguments]
        environment = own | credentials | place | alone
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        figures: dict[str, float] = json.loads(done.stdout)
        return figures

    return run


@pytest.fixture
def rates() -> Callable[..., dict[str, list[float]]]:
    """Time candidates side by side."""

    def measure(
        candidates: Mapping[str, Callable[[], Any]],
        items: int,
        rounds: int,
        clock: Callable[[], float] = time.perf_counter,
    ) -> dict[str, list[float]]:
        """Items per second of each candidate in each round.

        All candidates run in every round, in turn, so that whatever else the machine does meets each of them alike.
        Work of one thread is best timed by `time.thread_time`, which leaves out what other programs take.
        """
        found: dict[str, list[float]] = {name: [] for name in candidates}
        for function in candidates.values():
            function()
        for _ in range(rounds):
            for name, function in candidates.items():
                gc.collect()
                start = clock()
                function()
                found[name].append(items / (clock() - start))
        return found

    return measure


@pytest.fixture
def show() -> Callable[..., None]:
    """Print a table of medians, each with its ratio to one candidate's."""

    def table(
        title: str,
        unit: str,
        measured: Mapping[str, list[float]],
        relative_to: str,
        columns: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Print it.

        Args:
            title: stands above the table.
            unit: what is counted per second.
            measured: rates of each candidate by round; the ratio is the median over rounds, not that of the medians.
            relative_to: the candidate whose ratio is 1.
            columns: more columns, by heading and candidate.
        """
        extra = columns or {}
        made = Table(title=title, title_justify="left")
        for heading in ("", f"{unit}/s", f"x {relative_to}", *extra):
            made.add_column(heading, justify="left" if not heading else "right")
        for name, values in measured.items():
            ratio = statistics.median(a / b for a, b in zip(values, measured[relative_to], strict=True))
            cells = [column.get(name, "") for column in extra.values()]
            made.add_row(name, f"{statistics.median(values):,.0f}", f"{ratio:.2f}", *cells)
        Console(width=120).print(made)

    return table


@pytest.fixture
def make_learner() -> Callable[..., Learner]:
    """Make what the training loop makes its steps with, on the device that training would choose."""

    def make(settings: TrainSettings, wrap: Callable[[Classifier], torch.nn.Module] = lambda model: model) -> Learner:
        steps, compute = 1000, choose_compute()
        model = Classifier(settings.architecture, 6)
        model.to(compute.device).to(memory_format=torch.channels_last)
        state = State(
            model,
            make_optimizer(model, settings),
            Average(model, settings.averaging, steps),
            EarlyStopping(patience=0, objective="accuracy"),
            Tally(compute.device),
        )
        schedule = Schedule("constant", steps, warm_up=0)
        targets = target_table(torch.arange(6), 6, settings.label_softness)
        return Learner(settings, state, wrap(model), schedule, targets, compute, ALONE)

    return make

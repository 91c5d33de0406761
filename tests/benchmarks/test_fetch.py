"""How fast photos are fetched from S3: by the steps' storage, boto3, the AWS CLI, obstore's asynchronous calls."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
OBJECTS = 5000
OBJECT_BYTES = 60_000
CLIENTS = {
    "boto3, loop": 200,
    "boto3, 32 threads": 2000,
    "AWS CLI, to files": 1000,
    "obstore async, 32 at once": OBJECTS,
    "obstore async, 128 at once": OBJECTS,
    "ours, 32 threads": OBJECTS,
    "ours, 64 threads": OBJECTS,
    "ours, 128 threads": OBJECTS,
}
"""How many objects each client fetches: fewer where it is slow, since the rate does not depend on it."""


@contextmanager
def s3_server(latency_seconds: float) -> Iterator[str]:
    """Endpoint of a fast S3 server that waits before it answers."""
    options = {"objects": OBJECTS, "object-bytes": OBJECT_BYTES, "latency-seconds": latency_seconds}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, str(HERE / "s3_server.py"), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


def fetch(client: str, objects: int, endpoint: str) -> dict[str, float]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    place = {"AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, str(HERE / "fetch_clients.py"), client, "--objects", str(objects)]
    environment = own | credentials | place | {"PYTHONPATH": str(REPOSITORY), "AWS_CONFIG_FILE": os.devnull}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    assert figures["bytes"] == objects * OBJECT_BYTES
    return figures


@pytest.mark.parametrize(("latency_seconds", "rounds"), [(0.015, 3), (0.1, 1)], ids=["15 ms", "100 ms"])
def test_fetching_small_objects(latency_seconds: float, rounds: int, show: Callable) -> None:
    """At 15 ms, a quick network, and at 100 ms.

    100 to 200 ms is what AWS tells to expect of small objects ("Best practices design patterns: optimizing Amazon S3
    performance").
    """
    found: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    with s3_server(latency_seconds) as endpoint:
        for _ in range(rounds):
            for client, objects in CLIENTS.items():
                found[client].append(fetch(client, objects, endpoint))
    measured = {client: [figures["rate"] for figures in runs] for client, runs in found.items()}
    columns = {
        "CPU ms each": {client: f"{min(figures['cpu_ms'] for figures in runs):.2f}" for client, runs in found.items()},
        "peak MB": {client: f"{max(figures['peak_mb'] for figures in runs):.0f}" for client, runs in found.items()},
    }
    title = f"objects of {OBJECT_BYTES // 1000} KB from an S3 server that answers after {latency_seconds * 1000:g} ms"
    show(title, "objects", measured, "boto3, 32 threads", columns)

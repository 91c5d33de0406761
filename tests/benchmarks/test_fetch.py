"""How fast photos are fetched from S3: by the steps' storage, boto3, the AWS CLI, obstore's asynchronous calls."""

from collections import defaultdict
from collections.abc import Callable

import pytest

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

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


def fetch(run_client: Callable[..., dict[str, float]], client: str, objects: int, endpoint: str) -> dict[str, float]:
    figures = run_client("fetch_clients.py", endpoint, client, "--objects", str(objects))
    assert figures["bytes"] == objects * OBJECT_BYTES
    return figures


@pytest.mark.parametrize(("latency_seconds", "rounds"), [(0.015, 3), (0.1, 1)], ids=["15 ms", "100 ms"])
def test_fetching_small_objects(
    latency_seconds: float, rounds: int, s3_server: Callable, run_client: Callable, show: Callable
) -> None:
    """At 15 ms, a quick network, and at 100 ms.

    100 to 200 ms is what AWS tells to expect of small objects ("Best practices design patterns: optimizing Amazon S3
    performance").
    """
    found: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    with s3_server(OBJECTS, OBJECT_BYTES, latency_seconds) as endpoint:
        for _ in range(rounds):
            for client, objects in CLIENTS.items():
                found[client].append(fetch(run_client, client, objects, endpoint))
    measured = {client: [figures["rate"] for figures in runs] for client, runs in found.items()}
    columns = {
        "CPU ms each": {client: f"{min(figures['cpu_ms'] for figures in runs):.2f}" for client, runs in found.items()},
        "peak MB": {client: f"{max(figures['peak_mb'] for figures in runs):.0f}" for client, runs in found.items()},
    }
    title = f"objects of {OBJECT_BYTES // 1000} KB from an S3 server that answers after {latency_seconds * 1000:g} ms"
    show(title, "objects", measured, "boto3, 32 threads", columns)

"""How fast a folder is sent to S3: by our push, which also reads what is there, by the AWS CLI's sync, by boto3."""

import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

PHOTO_BYTES = 60_000
LARGE_BYTES = 500_000_000


@pytest.mark.parametrize(("latency_seconds", "photos"), [(0.015, 3000), (0.1, 1000)], ids=["15 ms", "100 ms"])
def test_sending_small_files(
    latency_seconds: float,
    photos: int,
    tmp_path: Path,
    s3_server: Callable,
    run_client: Callable,
    show: Callable,
) -> None:
    for number in range(photos):
        (tmp_path / f"{number:05}.jpg").write_bytes(os.urandom(PHOTO_BYTES))
    clients = ("AWS CLI", "boto3, 32 threads", "ours")
    found = compare(clients, 3, tmp_path, latency_seconds, s3_server, run_client)
    title = f"files of {PHOTO_BYTES // 1000} KB to an S3 server that answers after {latency_seconds * 1000:g} ms"
    measured = {client: [figures["files_rate"] for figures in runs] for client, runs in found.items()}
    show(title, "files", measured, "AWS CLI", columns(found))


def test_sending_one_large_file(tmp_path: Path, s3_server: Callable, run_client: Callable, show: Callable) -> None:
    (tmp_path / "large.bin").write_bytes(os.urandom(1_000_000) * (LARGE_BYTES // 1_000_000))
    found = compare(("AWS CLI", "ours"), 3, tmp_path, 0.015, s3_server, run_client)
    measured = {client: [figures["mb_rate"] for figures in runs] for client, runs in found.items()}
    show(f"a file of {LARGE_BYTES // 10**6} MB", "MB", measured, "AWS CLI", columns(found))


def compare(
    clients: tuple[str, ...],
    rounds: int,
    folder: Path,
    latency_seconds: float,
    s3_server: Callable,
    run_client: Callable,
) -> dict[str, list[dict[str, float]]]:
    """Figures of each client, in turn, so that whatever else the machine does meets each of them alike."""
    found: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    with s3_server(0, 0, latency_seconds) as endpoint:
        for _ in range(rounds):
            for client in clients:
                found[client].append(run_client("push_clients.py", endpoint, client, str(folder)))
    return found


def columns(found: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, str]]:
    return {
        "CPU s": {client: f"{min(figures['cpu_seconds'] for figures in runs):.1f}" for client, runs in found.items()},
        "peak MB": {client: f"{max(figures['peak_mb'] for figures in runs):.0f}" for client, runs in found.items()},
    }

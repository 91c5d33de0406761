"""Send a folder to S3 with one of several clients, in a process of its own, and print rate and peak memory as JSON.

python push_clients.py "AWS CLI" folder
"""

import argparse
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from peak_memory import peak_mb
from s3_server import BUCKET

PREFIX = "pushed"


def boto3_threads(folder: Path) -> Callable[[], object]:
    import boto3
    from botocore.config import Config

    client = boto3.client("s3", config=Config(max_pool_connections=32))

    def send(file: Path) -> None:
        client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{file.name}", Body=file.read_bytes())

    def run() -> None:
        with ThreadPoolExecutor(32) as pool:
            list(pool.map(send, folder.iterdir()))

    return run


def aws_cli(folder: Path) -> Callable[[], object]:
    """As the command does it, without the start of its interpreter."""
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()

    def run() -> None:
        assert driver.main(["s3", "sync", "--only-show-errors", str(folder), f"s3://{BUCKET}/{PREFIX}"]) == 0

    return run


def ours(folder: Path) -> Callable[[], object]:
    import boto3
    from rich.console import Console

    from pipelines.push.push import push
    from pipelines.target import CLIENT_SETTINGS, Target

    session = boto3.Session()
    sagemaker, s3, logs = (session.client(name, config=CLIENT_SETTINGS) for name in ("sagemaker", "s3", "logs"))
    target = Target("123456789012", "us-east-1", "aws", sagemaker, s3, logs)
    return lambda: push(target, folder, f"s3://{BUCKET}/{PREFIX}", Console(stderr=True, quiet=True))


CLIENTS: dict[str, Callable[[Path], Callable[[], object]]] = {
    "AWS CLI": aws_cli,
    "boto3, 32 threads": boto3_threads,
    "ours": ours,
}


def main() -> None:
    """Send and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    files = list(options.folder.iterdir())
    run = CLIENTS[options.client](options.folder)
    start, computed = time.perf_counter(), time.process_time()
    run()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - computed
    sent = sum(file.stat().st_size for file in files)
    figures = {"files_rate": len(files) / seconds, "mb_rate": sent / 1e6 / seconds, "peak_mb": peak_mb()}
    print(json.dumps(figures | {"cpu_seconds": cpu_seconds}))


if __name__ == "__main__":
    main()

"""Fetch objects from S3 with one of several clients, in a process of its own, and print rate and peak memory as JSON.

python fetch_clients.py "boto3, 32 threads" --objects 5000
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from peak_memory import peak_mb
from s3_server import BUCKET, object_key

MAX_BYTES = 10**6


def boto3_loop(keys: list[str]) -> Callable[[], int]:
    import boto3

    client = boto3.client("s3")
    return lambda: sum(len(client.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys)


def boto3_threads(keys: list[str], threads: int) -> Callable[[], int]:
    import boto3
    from botocore.config import Config

    client = boto3.client("s3", config=Config(max_pool_connections=threads))

    def fetch(key: str) -> int:
        return len(client.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def run() -> int:
        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(fetch, keys))

    return run


def aws_cli(keys: list[str]) -> Callable[[], int]:
    """As the command does it, without the start of its interpreter; it lists the objects first and writes files."""
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()

    def run() -> int:
        with tempfile.TemporaryDirectory() as folder:
            source = f"s3://{BUCKET}/{keys[0].rpartition('/')[0]}/"
            assert driver.main(["s3", "cp", "--recursive", "--only-show-errors", source, folder]) == 0
            files = list(Path(folder).iterdir())
            assert len(files) == len(keys)
            return sum(file.stat().st_size for file in files)

    return run


def obstore_async(keys: list[str], at_once: int) -> Callable[[], int]:
    import obstore
    from obstore.store import S3Store

    options = {"endpoint": os.environ["AWS_ENDPOINT_URL"], "virtual_hosted_style_request": False}
    store = S3Store(BUCKET, config=options, client_options={"allow_http": True})

    async def fetch_all() -> int:
        free = asyncio.Semaphore(at_once)

        async def fetch(key: str) -> int:
            async with free:
                answer = await obstore.get_async(store, key)
                return len(await answer.bytes_async())

        return sum(await asyncio.gather(*map(fetch, keys)))

    return lambda: asyncio.run(fetch_all())


def ours(keys: list[str], threads: int) -> Callable[[], int]:
    from steps.parallel import in_order
    from steps.storage import Storage

    storage = Storage()

    def fetch(key: str) -> int:
        return len(storage.read(f"s3://{BUCKET}/{key}", MAX_BYTES))

    return lambda: sum(in_order(fetch, keys, threads))


CLIENTS: dict[str, Callable[[list[str]], Callable[[], int]]] = {
    "boto3, loop": boto3_loop,
    "boto3, 32 threads": partial(boto3_threads, threads=32),
    "AWS CLI, to files": aws_cli,
    **{f"obstore async, {number} at once": partial(obstore_async, at_once=number) for number in (32, 128)},
    **{f"ours, {number} threads": partial(ours, threads=number) for number in (32, 64, 128)},
}


def main() -> None:
    """Fetch and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("--objects", type=int, required=True)
    options = parser.parse_args()
    run = CLIENTS[options.client]([object_key(number) for number in range(options.objects)])
    start, computed = time.perf_counter(), time.process_time()
    total_bytes = run()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - computed
    figures = {"rate": options.objects / seconds, "bytes": total_bytes, "peak_mb": peak_mb()}
    print(json.dumps(figures | {"cpu_ms": 1000 * cpu_seconds / options.objects}))


if __name__ == "__main__":
    main()

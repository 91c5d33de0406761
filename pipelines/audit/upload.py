"""Put a folder of bins into the bucket, where an audit reads them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from pipelines.errors import PipelineError
from pipelines.target import Target
from steps.parallel import in_order

THREADS = 16
PARTS = {"bin-images": "*.jpg", "metadata": "*.json"}


def find_bins(folder: Path) -> list[Path]:
    """The photos and records in `folder`.

    Raises:
        PipelineError: the folder is not in ABID's layout.
    """
    files = [file for part, pattern in PARTS.items() for file in sorted((folder / part).glob(pattern))]
    if {file.parent.name for file in files} != set(PARTS):
        raise PipelineError(f"{folder} holds no bin-images/*.jpg beside metadata/*.json: is it a folder of bins?")
    return files


def upload_bins(target: Target, bucket: str, files: list[Path], report: Callable[[str], None]) -> str:
    """Upload those of `files`, found by `find_bins`, that are not there yet, and return the URI they lie at.

    The URI holds a hash of names and contents: two folders never mix, and an interrupted upload is completed by the
    next.
    """
    prefix = f"audited/{_digest(files)}"
    pages = target.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    there = {entry["Key"] for page in pages for entry in page.get("Contents", [])}

    def put(file: Path) -> int:
        key = f"{prefix}/{file.parent.name}/{file.name}"
        if key in there:
            return 0
        target.s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
        return 1

    uploaded = sum(in_order(put, files, THREADS))
    report(f"uploaded {uploaded:,} of {len(files):,} files to s3://{bucket}/{prefix}")
    return f"s3://{bucket}/{prefix}"


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.parent.name}/{file.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]

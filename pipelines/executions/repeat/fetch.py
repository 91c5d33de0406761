"""Fetch what a job read from S3, several objects at once; what is here already is not fetched again."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boto3.s3.transfer import TransferConfig

from pipelines.errors import PipelineError
from pipelines.executions.repeat.recipe import Input
from pipelines.results import download

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from pipelines.target import Target

WORKERS = 16  # half of the connections that a client of ours has
ONE_THREAD = TransferConfig(use_threads=False)  # several objects travel at once already


@dataclass(frozen=True)
class _Object:
    """An object of S3 and the file it becomes."""

    bucket: str
    key: str
    size: int
    modified: datetime
    file: Path

    @property
    def is_here(self) -> bool:
        """Whether the file is the one that was fetched of this object, unchanged since."""
        try:
            status = self.file.stat()
        except OSError:
            return False
        return status.st_size == self.size and int(status.st_mtime) == int(self.modified.timestamp())


def fetch(target: "Target", inputs: Sequence[Input], base: Path, report: Callable[[str], None]) -> None:
    """Have each input in its folder below `base`, and nothing else there.

    Args:
        target: where the inputs lie.
        inputs: what is needed.
        base: what is `/opt/ml` to the job.
        report: told in a line how much is fetched.

    Raises:
        PipelineError: an input is not there any more, a name leads out of its folder, or the disk is too small.
    """
    objects = [each for needed in inputs for each in _objects(target, needed, base / needed.folder)]
    for needed in inputs:
        _remove_others(base / needed.folder, {each.file for each in objects})
    missing = [each for each in objects if not each.is_here]
    wanted, free = sum(each.size for each in missing), shutil.disk_usage(base).free
    if wanted > free:
        raise PipelineError(f"the job's inputs need {wanted / 1e9:.1f} GB, and {base} has {free / 1e9:.1f} GB left")
    if missing:
        report(f"fetching {len(missing):,} of {len(objects):,} files, {wanted / 1e6:,.1f} MB ...")
    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(lambda each: _get(target.s3, each), missing):
            pass


def _objects(target: "Target", needed: Input, folder: Path) -> Iterator[_Object]:
    found = _listed_in_manifest(target, needed.uri) if needed.manifest else _listed(target.s3, needed.uri)
    nothing = True
    for bucket, entry, name in found:
        nothing = False
        file = folder / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise PipelineError(f"the object {entry['Key']} of {bucket} would lie outside the job's folder")
        yield _Object(bucket, entry["Key"], entry["Size"], entry["LastModified"], file)
    if nothing and not needed.optional:
        raise PipelineError(f"nothing lies at {needed.uri} any more: what the job read cannot be fetched")


def _listed(s3: "S3Client", uri: str) -> Iterator[tuple[str, Any, str]]:
    """Bucket, entry and relative name of each object whose key begins with the URI's key, as SageMaker takes them."""
    bucket, prefix = _split(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for entry in page.get("Contents", []):
            if not entry["Key"].endswith("/"):
                yield bucket, entry, _relative(entry["Key"], prefix)


def _listed_in_manifest(target: "Target", uri: str) -> Iterator[tuple[str, Any, str]]:
    try:
        head, *names = json.loads(download(target, uri))
        bucket, prefix = _split(head["prefix"])
    except (ValueError, TypeError, KeyError) as error:
        raise PipelineError(f"{uri} is not a manifest, a list that begins with a prefix: {error}") from None
    for name in names:
        head_object: Any = target.s3.head_object(Bucket=bucket, Key=prefix + name)
        size = head_object["ContentLength"]
        yield bucket, {"Key": prefix + name, "Size": size, "LastModified": head_object["LastModified"]}, name


def _relative(key: str, prefix: str) -> str:
    """Where an object lies below its folder: SageMaker cuts the prefix's own folder off."""
    folder = f"{prefix.rstrip('/')}/"
    if prefix and key.startswith(folder):
        return key.removeprefix(folder)
    return key[prefix.rfind("/") + 1 :]


def _get(s3: "S3Client", each: _Object) -> None:
    each.file.parent.mkdir(parents=True, exist_ok=True)
    partial = each.file.with_name(f"{each.file.name}.partial")
    s3.download_file(each.bucket, each.key, str(partial), Config=ONE_THREAD)
    os.utime(partial, (each.modified.timestamp(), each.modified.timestamp()))
    partial.replace(each.file)


def _remove_others(folder: Path, wanted: set[Path]) -> None:
    for file in list(folder.rglob("*")):
        if not file.is_dir() and file not in wanted:
            file.unlink()


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key

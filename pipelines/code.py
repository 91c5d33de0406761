"""Step code in S3 under its content hash, so that a changed step runs again and an unchanged one is reused.

A bundle is the step's folder and the files directly under `steps/`, without declarations. Its hash covers relative
names and contents only: every checkout, machine and day gives the same one.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STEPS = Path(__file__).resolve().parent.parent / "steps"
DECLARATIONS = {"step.py", "declaration.py"}
BUNDLED = ("catalog", "ingest", "explore", "train", "evaluate")


@dataclass(frozen=True)
class Bundle:
    """The code of one step.

    Attributes:
        step: the step's folder.
        files: content by name relative to the folder that holds `steps/`, in order of name.
    """

    step: str
    files: tuple[tuple[str, bytes], ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the names and contents."""
        digest = hashlib.sha256()
        for name, content in self.files:
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()

    @property
    def prefix(self) -> str:
        """Key prefix of the bundle in a bucket."""
        return f"code/{self.step}/{self.digest}"


def read_bundle(step: str, steps: Path = STEPS) -> Bundle:
    """Read a step's bundle from the folder `steps`."""
    found = [*steps.glob("*"), *(steps / step).rglob("*")]
    files = sorted(file for file in found if file.is_file() and _is_code(file))
    named = tuple((f"steps/{file.relative_to(steps).as_posix()}", file.read_bytes()) for file in files)
    return Bundle(step, tuple(sorted(named)))


def read_bundles(steps: Path = STEPS) -> dict[str, Bundle]:
    """Read the bundle of every step that runs in a container."""
    return {step: read_bundle(step, steps) for step in BUNDLED}


def upload(bundle: Bundle, bucket: str, s3: "S3Client", report: Callable[[str], None]) -> None:
    """Put into `bucket` the files of `bundle` that are not there yet.

    A file's key holds the bundle's hash, so what is there is right, and an interrupted upload is completed by the next.
    """
    there = _keys(s3, bucket, f"{bundle.prefix}/")
    missing = [(name, content) for name, content in bundle.files if f"{bundle.prefix}/{name}" not in there]
    for name, content in missing:
        s3.put_object(Bucket=bucket, Key=f"{bundle.prefix}/{name}", Body=content)
    if missing:
        report(f"uploaded the code of {bundle.step}, {bundle.digest[:12]}")


def _keys(s3: "S3Client", bucket: str, prefix: str) -> set[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


def _is_code(file: Path) -> bool:
    return file.suffix in {".py", ".html"} and file.name not in DECLARATIONS and "__pycache__" not in file.parts

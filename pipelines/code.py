"""Step code in S3 under its content hash, so that a changed step runs again and an unchanged one is reused.

A bundle is the step's folder and what it imports of the files directly under `steps/`, without declarations. Its hash
covers relative names and contents only: every checkout, machine and day gives the same one. Shared files that a step
does not import are left out, so that a change to a report's helper does not train a model again.
"""

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STEPS = Path(__file__).resolve().parent.parent / "steps"
DECLARATIONS = {"step.py", "declaration.py"}
BUNDLED = ("catalog", "ingest", "explore", "train", "evaluate", "survey", "audit")


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
        return content_hash(self.files)

    @property
    def prefix(self) -> str:
        """Key prefix of the bundle in a bucket."""
        return f"code/{self.step}/{self.digest}"


def content_hash(files: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256 of files' names and contents, in their order."""
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def read_bundle(step: str, steps: Path = STEPS) -> Bundle:
    """Read a step's bundle from the folder `steps`."""
    own = {file for file in (steps / step).rglob("*") if file.is_file() and _is_code(file)}
    # A step's own template extends those that steps share.
    templates = set(steps.glob("*.html")) if any(file.suffix == ".html" for file in own) else set()
    files = own | _imported(own, steps) | templates | {steps / "__init__.py"}
    named = ((f"steps/{file.relative_to(steps).as_posix()}", file.read_bytes()) for file in files)
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


def _imported(files: Iterable[Path], steps: Path) -> set[Path]:
    """The files directly under `steps` that `files` import, themselves or through one another."""
    found: set[Path] = set()
    waiting = [file for file in files if file.suffix == ".py"]
    while waiting:
        shared = {steps / f"{name}.py" for name in _names_below_steps(waiting.pop())}
        new = {file for file in shared if file.is_file()} - found
        found |= new
        waiting += new
    return found


def _names_below_steps(file: Path) -> Iterator[str]:
    """First names after `steps.` in the imports of a Python file."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (module.split(".")[1] for module in modules if module.startswith("steps."))


def _is_code(file: Path) -> bool:
    return file.suffix in {".py", ".html"} and file.name not in DECLARATIONS and "__pycache__" not in file.parts

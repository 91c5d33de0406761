"""Send a folder to a bucket: what is new or has changed, checked by S3 as it arrives."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from pipelines.errors import PipelineError
from pipelines.push.destination import Destination, Told, is_small
from pipelines.push.folder import LocalFile, read_folder
from pipelines.target import Target, aws_errors_explained
from steps.parallel import in_order

COMPARING_THREADS = 32
SENDING_THREADS = 64
NAMED = 3
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""Source: "General purpose bucket naming rules" in the user guide of S3."""


@dataclass(frozen=True)
class Pushed:
    """Attributes: files that were sent, and their bytes; files that were there already."""

    sent: int
    sent_bytes: int
    unchanged: int


def push(target: Target, folder: Path, to: str, console: Console) -> Pushed:
    """Send the files of `folder` that are not at `to` yet; nothing there is removed.

    A file is passed over where an object of its size has its checksum. Interrupted, the same call goes on with what
    is missing; no part of a large file stays behind.

    Args:
        target: where the bucket is.
        folder: its files keep their paths below it.
        to: s3://bucket/prefix.
        console: where to show how far it is, and to say what came of it.

    Raises:
        PipelineError: there is nothing to send, or it cannot be sent.
        OSError: a file cannot be read.
    """
    bucket, prefix = _place(to)
    found = read_folder(folder, prefix)
    destination = Destination.open(target, bucket)
    with aws_errors_explained(), _progress(console) as progress:
        there = destination.sizes(prefix)
        missing = _missing(destination, found.files, there, progress)
        _send(destination, missing, progress)
    pushed = Pushed(len(missing), sum(file.size for file in missing), len(found.files) - len(missing))
    _say_what_came_of_it(pushed, to, console)
    _say_some(found.left_out, "left out, links and what is no file", console)
    stale = sorted(there.keys() - {file.key for file in found.files})
    _say_some([f"s3://{bucket}/{key}" for key in stale], "not in the folder, and left as they are", console)
    return pushed


def _place(to: str) -> tuple[str, str]:
    scheme, _, rest = to.partition("://")
    bucket, _, prefix = rest.partition("/")
    prefix = prefix.rstrip("/")
    if scheme != "s3" or not bucket or any(part in ("", ".", "..") for part in prefix.split("/") if prefix):
        raise PipelineError(f"{to!r} is no place to send photos to: write s3://bucket/prefix")
    if not BUCKET_NAME.fullmatch(bucket):
        raise PipelineError(
            f"{bucket!r} can be no bucket's name: those have 3 to 63 lower-case letters, digits, dots and hyphens"
        )
    return bucket, prefix


def _missing(
    destination: Destination, files: Sequence[LocalFile], there: dict[str, int], progress: Progress
) -> list[LocalFile]:
    """Files without an object of their size and content."""
    alike = [file for file in files if there.get(file.key) == file.size]
    task = _task(progress, "comparing", alike)
    kept: set[str] = set()
    for file, same in zip(alike, in_order(destination.holds, alike, COMPARING_THREADS), strict=True):
        if same:
            kept.add(file.key)
        task(file.size, 1)
    return [file for file in files if file.key not in kept]


def _send(destination: Destination, files: Sequence[LocalFile], progress: Progress) -> None:
    task = _task(progress, "sending", files)
    small = [file for file in files if is_small(file)]
    for file, _ in zip(small, in_order(destination.send_small, small, SENDING_THREADS), strict=True):
        task(file.size, 1)
    large = [file for file in files if not is_small(file)]
    if large:
        destination.send_large(large, task)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("  {task.description:<10}"),
        BarColumn(30),
        TextColumn("{task.fields[done]:,} of {task.fields[files]:,} files"),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def _task(progress: Progress, name: str, files: Iterable[LocalFile]) -> Told:
    """A line of the display, and what moves it on."""
    sizes = [file.size for file in files]
    task = progress.add_task(name, total=sum(sizes), visible=bool(sizes), done=0, files=len(sizes))
    lock, done = Lock(), 0

    def advance(some_bytes: int, some_files: int) -> None:
        nonlocal done
        with lock:
            done += some_files
            progress.update(task, advance=some_bytes, done=done)

    return advance


def _say_what_came_of_it(pushed: Pushed, to: str, console: Console) -> None:
    sent = f"sent {pushed.sent:,} files, {pushed.sent_bytes / 1e6:,.1f} MB, to {to}"
    console.print(f"{sent}; {pushed.unchanged:,} were there already", soft_wrap=True, markup=False)


def _say_some(names: Sequence[str | Path], what: str, console: Console) -> None:
    if names:
        shown = ", ".join(os.fsencode(name).decode(errors="backslashreplace") for name in names[:NAMED])
        more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        console.print(f"{what}: {shown}{more}", soft_wrap=True, markup=False)

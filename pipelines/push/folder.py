"""What lies in a folder, and under which key each file belongs into a bucket."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import PipelineError

LONGEST_KEY_BYTES = 1024
"""Of an object's key in UTF-8. Source: "Naming Amazon S3 objects" in the user guide of S3."""

NAMED = 3
"""Files named in an error, which also says how many there are."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to be sent.

    Attributes:
        path: where it lies.
        key: where it belongs in the bucket.
        size: in bytes.
    """

    path: Path
    key: str
    size: int


@dataclass(frozen=True)
class Folder:
    """Attributes: the files to be sent, in order of their keys; paths that are left out, links and what is no file."""

    files: tuple[LocalFile, ...]
    left_out: tuple[Path, ...]

    @property
    def size(self) -> int:
        """Of all files together, bytes."""
        return sum(file.size for file in self.files)


def read_folder(folder: Path, prefix: str) -> Folder:
    """List the files at any depth below `folder`; links are not followed.

    Args:
        folder: what is listed.
        prefix: stands before the keys; empty, or without a slash at its end.

    Raises:
        PipelineError: there is no such folder, it holds no file, or a file's name can be no key.
        OSError: a folder may not be read.
    """
    if not folder.is_dir():
        raise PipelineError(f"{folder} is not a folder: give the one that holds the photos")
    files: list[LocalFile] = []
    left_out: list[Path] = []
    for path, status in _walk(folder):
        if stat.S_ISREG(status.st_mode):
            key = "/".join([prefix, *path.relative_to(folder).parts] if prefix else path.relative_to(folder).parts)
            files.append(LocalFile(path, key, status.st_size))
        else:
            left_out.append(path)
    if not files:
        raise PipelineError(f"{folder} holds no file that could be sent")
    _check_names(files)
    return Folder(tuple(sorted(files, key=lambda file: file.key)), tuple(sorted(left_out)))


def _walk(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything that is no folder, with what the system says about it; a link is itself and not what it points at."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))
            else:
                yield Path(entry.path), entry.stat(follow_symlinks=False)


def _check_names(files: list[LocalFile]) -> None:
    wrong = [file.path for file in files if not _can_be_key(file.key)]
    if wrong:
        named = ", ".join(os.fsencode(path).decode(errors="backslashreplace") for path in wrong[:NAMED])
        raise PipelineError(
            f"{len(wrong):,} files have names that are not UTF-8 or longer than {LONGEST_KEY_BYTES:,} bytes with the "
            f"prefix, which no object of S3 can have: rename {named}{' and so on' if len(wrong) > NAMED else ''}"
        )


def _can_be_key(key: str) -> bool:
    try:
        return len(key.encode()) <= LONGEST_KEY_BYTES
    except UnicodeEncodeError:
        return False

"""Tells which files of a folder are new or changed."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path
from typing import NamedTuple


class FileState(NamedTuple):
    """What changes when a file is written anew, or another is renamed to its name."""

    inode: int
    modified_ns: int
    size: int


def file_states(folder: Path) -> dict[Path, FileState]:
    """Every file below `folder`, for `Storage.upload_files` to leave out those that are still the same."""
    states: dict[Path, FileState] = {}
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # a program that still runs may remove it meanwhile
            seen = path.stat()
            if stat.S_ISREG(seen.st_mode):
                states[path] = FileState(seen.st_ino, seen.st_mtime_ns, seen.st_size)
    return states

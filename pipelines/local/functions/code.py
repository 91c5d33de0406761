"""Unpacks the archives of functions and layers, each once, however often the function is invoked."""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
import stat
import threading
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp

_LARGEST_UNPACKED = 250 * 1024 * 1024  # bytes; Lambda's quota for a function with its layers
_MOST_FILES = 50_000
_MOST_IDLE = 8  # archives that stay unpacked while nothing runs of them
_LONGEST_LINK = 4096  # bytes, as of Linux
_PIECE = 1024 * 1024


class CodeError(Exception):
    """The archive is not one that Lambda would run; the message says why."""


class CodeFolders:
    """Folders of unpacked archives, named after the SHA-256 of the archive; safe to share between threads.

    A few stay unpacked for the next invocation, those that were used last.

    Args:
        folder: where they lie; what an earlier server left there is removed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._users: dict[str, int] = {}  # by the name of the folder, the one that was used last at the end
        self._lock = threading.Lock()
        shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def lend(self, archives: Sequence[bytes]) -> Iterator[list[Path]]:
        """The folders with the files of some archives; they stay as long as they are needed.

        Raises:
            CodeError: one is no ZIP archive, it is too large, or a name in it leads out of its folder.
        """
        names = [hashlib.sha256(archive).hexdigest() for archive in archives]
        with self._lock:
            for name, archive in zip(names, archives, strict=True):
                if name not in self._users:
                    self._unpack(archive, self._folder / name)
                self._users[name] = self._users.pop(name, 0)
            for name in names:
                self._users[name] += 1
        try:
            yield [self._folder / name for name in names]
        finally:
            with self._lock:
                for name in names:
                    self._users[name] -= 1
                self._trim()

    def _trim(self) -> None:
        idle = [name for name, users in self._users.items() if users == 0]
        for name in idle[:-_MOST_IDLE]:
            del self._users[name]
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def _unpack(self, archive: bytes, folder: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = Path(mkdtemp(prefix=".part-", dir=self._folder))
        try:
            with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                _extract(opened, part)
            part.chmod(0o755)
            part.rename(folder)
        except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, ValueError, EOFError) as error:
            raise CodeError(f"Could not unzip uploaded file: {error}") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _extract(opened: zipfile.ZipFile, folder: Path) -> None:
    members = opened.infolist()
    if len(members) > _MOST_FILES:
        raise CodeError(f"The archive holds {len(members)} files; at most {_MOST_FILES} are unpacked.")
    room = _LARGEST_UNPACKED
    for member in members:
        target = folder / member.filename
        _check_inside(target, folder, member)
        if member.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif stat.S_ISLNK(member.external_attr >> 16):
            _link(opened, member, target, folder)
        else:
            room -= _write(opened, member, target, room)


def _check_inside(path: Path, folder: Path, member: zipfile.ZipInfo) -> None:
    if not path.resolve().is_relative_to(folder.resolve()):
        raise CodeError(f"The name '{member.filename}' in the archive leads out of its folder.")


def _link(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, folder: Path) -> None:
    """Make a symbolic link, as packages have for the versions of a library."""
    if member.file_size > _LONGEST_LINK:
        raise CodeError(f"The link '{member.filename}' in the archive is longer than {_LONGEST_LINK} bytes.")
    to = Path(opened.read(member).decode(errors="replace"))
    _check_inside(target.parent / to, folder, member)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(to)


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, room: int) -> int:
    """Write one file; returns its size. What an archive says of its sizes is not believed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with opened.open(member) as source, target.open("wb") as file:
        while piece := source.read(_PIECE):
            written += len(piece)
            if written > room:
                raise CodeError(f"Unzipped size must be smaller than {_LARGEST_UNPACKED} bytes.")
            file.write(piece)
    target.chmod(0o755 if (member.external_attr >> 16) & stat.S_IXUSR else 0o644)
    return written

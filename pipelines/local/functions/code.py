"""Unpacks the archives of functions and layers, each once, however often the function is invoked."""

from __future__ import annotations

import hashlib
import io
import shutil
import stat
import threading
import zipfile
import zlib
from pathlib import Path
from tempfile import mkdtemp

_LARGEST_UNPACKED = 250 * 1024 * 1024  # bytes; Lambda's quota for a function with its layers
_MOST_FILES = 50_000
_PIECE = 1024 * 1024


class CodeError(Exception):
    """The archive is not one that Lambda would run; the message says why."""


class CodeFolders:
    """Folders of unpacked archives, named after the SHA-256 of the archive; safe to share between threads.

    Args:
        folder: where they lie. A folder that is there is whole: it gets its name when the last file is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def of(self, archive: bytes) -> Path:
        """The folder with the files of an archive.

        Raises:
            CodeError: it is no ZIP archive, it is too large, or a name in it leads out of its folder.
        """
        folder = self._folder / hashlib.sha256(archive).hexdigest()
        with self._lock:
            if not folder.is_dir():
                self._unpack(archive, folder)
        return folder

    def _unpack(self, archive: bytes, folder: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = Path(mkdtemp(prefix=".part-", dir=self._folder))
        try:
            with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                _extract(opened, part)
            part.chmod(0o755)
            part.rename(folder)
        except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError) as error:
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
        if not target.resolve().is_relative_to(folder.resolve()):
            raise CodeError(f"The name '{member.filename}' in the archive leads out of its folder.")
        if member.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif not stat.S_ISLNK(member.external_attr >> 16):
            room -= _write(opened, member, target, room)


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

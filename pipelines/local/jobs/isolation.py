"""How a process comes to find its folder at `/opt/ml`: Linux shows it there, or paths are rewritten."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import tempfile
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from pipelines.local.jobs.containers import rewrite
from pipelines.local.jobs.kept import KeptProcess

_OPT_ML = Path("/opt/ml")


class Isolation(Enum):
    """What stands between jobs; the value says it in words."""

    NAMESPACES = "jobs see their folder as /opt/ml, and neither each other's files nor processes"
    REWRITING = "jobs get paths under /opt/ml rewritten to their own folder"

    @classmethod
    @functools.cache
    def best(cls) -> Isolation:
        """What this machine grants to this user, found out once by trying it (tens of milliseconds)."""
        return cls.NAMESPACES if sys.platform == "linux" and _works() else cls.REWRITING

    def place(self, base: Path) -> Path:
        """Where a process finds the folder `base` of this machine."""
        return _OPT_ML if self is Isolation.NAMESPACES else base

    def shown(self, folders: Sequence[Path]) -> list[Path]:
        """Where a process finds other folders of this machine that are shown to it."""
        if self is Isolation.REWRITING:
            return list(folders)
        return [_OPT_ML / "shown" / str(number) for number in range(len(folders))]

    def translate(self, text: str, base: Path) -> str:
        """A word of a container's command or environment, as a process with the folder `base` needs it."""
        return rewrite(text, self.place(base))

    def settle(self, base: Path) -> None:
        """Lead links to `/opt/ml`, which only the processes could follow, into the folder that they have left."""
        if self is Isolation.REWRITING:
            return
        for link in _links(base):
            target = link.readlink()
            if target.is_relative_to(_OPT_ML):
                with contextlib.suppress(PermissionError):  # a folder that the job has locked keeps its links
                    link.unlink()
                    link.symlink_to(base / target.relative_to(_OPT_ML))


def _links(base: Path) -> list[Path]:
    """The symbolic links below a folder, found without a look at each of what may be a million files."""
    found: list[Path] = []
    folders = [str(base)]
    for folder in folders:  # it grows meanwhile
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    found.append(Path(entry.path))
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return found


def _works() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder, "base")
        base.mkdir()
        (base / "here").touch()
        command = [sys.executable, "-I", "-S", "-c", f"open('{_OPT_ML}/here')"]  # this Python must stay visible too
        process = KeptProcess(command, {}, base, base)
        with process.output as output:
            output.read()  # ends with the process
        process.close()
        return process.poll() == 0

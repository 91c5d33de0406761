"""How a process comes to find its folder at `/opt/ml`: Linux shows it there, or paths are rewritten."""

from __future__ import annotations

import functools
import sys
import tempfile
from enum import Enum
from pathlib import Path

from pipelines.local.jobs.containers import rewrite
from pipelines.local.jobs.kept import KeptProcess

_OPT_ML = Path("/opt/ml")


class Isolation(Enum):
    """What stands between jobs; the value says it in words."""

    NAMESPACES = "jobs see their folder as /opt/ml, and neither each other's files nor processes"
    REWRITING = "jobs get paths under /opt/ml rewritten to their folder: no namespaces are granted here"

    @classmethod
    @functools.cache
    def best(cls) -> Isolation:
        """What this machine grants to this user, found out once by trying it (tens of milliseconds)."""
        return cls.NAMESPACES if sys.platform == "linux" and _works() else cls.REWRITING

    def place(self, base: Path) -> Path:
        """Where a process finds the folder `base` of this machine."""
        return _OPT_ML if self is Isolation.NAMESPACES else base

    def translate(self, text: str, base: Path) -> str:
        """A word of a container's command or environment, as a process with the folder `base` needs it."""
        return rewrite(text, self.place(base))


def _works() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder, "base")
        base.mkdir()
        (base / "here").touch()
        process = KeptProcess(["test", "-e", str(_OPT_ML / "here")], {"PATH": "/usr/bin:/bin"}, base, base)
        with process.output as output:
            output.read()  # ends with the process
        process.close()
        return process.poll() == 0

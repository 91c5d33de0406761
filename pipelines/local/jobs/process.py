"""One host of a job: a process group with its own base folder, environment and log."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.local.jobs.containers import Container, rewrite
from pipelines.local.jobs.logs import JobLog, follow

_CHILD = Path(__file__).with_name("child.py")
_READER_SECONDS = 5.0  # a grandchild that left the group may hold the log's pipe open


@dataclass(frozen=True)
class Program:
    """What a host runs.

    Attributes:
        command: entry point and arguments, still with the container's own paths.
        environment: the job's variables, still with the container's own paths.
    """

    command: Sequence[str]
    environment: Mapping[str, str]


class HostProcess:
    """A running program and everything it starts.

    Args:
        program: what to run; its `/opt/ml` paths are rewritten to `base`.
        container: the stand-in of the job's image.
        base: what `/opt/ml` is in a container; also the working directory.
        surroundings: variables which the platform sets; the job's own come on top.
        log: where its output goes.
    """

    def __init__(
        self,
        program: Program,
        container: Container,
        base: Path,
        surroundings: Mapping[str, str],
        log: JobLog,
    ) -> None:
        arguments = [rewrite(word, base) for word in program.command]
        own = {name: rewrite(value, base) for name, value in program.environment.items()}
        environment = {**_basics(container, base), **surroundings, **own}
        if "PATH" in own:
            environment["PATH"] = f"{_basics(container, base)['PATH']}:{own['PATH']}"
        (base / "tmp").mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(  # noqa: S603 - a list of words, no shell
            [sys.executable, "-I", "-S", str(_CHILD), str(os.getpid()), *arguments],
            cwd=base,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if self._process.stdout is None:
            raise RuntimeError("a process started with a pipe has none")
        self._reader = follow(self._process.stdout, log)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def close(self) -> None:
        """Kill what is left of the group and wait until its last words are in the log."""
        self.signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join(_READER_SECONDS)


def describe_exit(code: int) -> str:
    """Say how a process ended: `exit code 3`, or which signal killed it."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
        return f"killed by {name}" + (" (often: out of memory)" if name == "SIGKILL" else "")
    return f"killed by signal {-code}"


def _basics(container: Container, base: Path) -> dict[str, str]:
    """The environment that every process needs; nothing of the server's own comes along but its PATH."""
    folders = [str(container.bin)] if container.bin else []
    folders += [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return {
        "PATH": os.pathsep.join(folders),
        "HOME": str(base),
        "LANG": "C.UTF-8",
        "TMPDIR": str(base / "tmp"),
        "PYTHONUNBUFFERED": "1",  # so that the log can be followed
        "SAGEMAKER_BASE_DIR": str(base),
    }

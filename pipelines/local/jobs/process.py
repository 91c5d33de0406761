"""One host of a job: a process with its own base folder, environment and log."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.local.jobs.containers import Container
from pipelines.local.jobs.engine import ContainerProcess
from pipelines.local.jobs.isolation import Isolation
from pipelines.local.jobs.kept import KeptProcess
from pipelines.local.jobs.logs import JobLog, follow

_READER_SECONDS = 5.0  # for a disk that is slow to take the log


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
        program: what to run.
        container: the stand-in of the job's image.
        base: what `/opt/ml` is in a container; also the working directory.
        surroundings: variables which the platform sets; the job's own come on top.
        log: where its output goes.
        isolation: how it comes to find `base` at `/opt/ml`.
        hidden: a folder whose content it should not see, where that can be.
        names: of all hosts of the job; they resolve to addresses of this machine, where that can be.
        shown: folders that it should see wherever they lie; `Isolation.shown` says where it finds them.
    """

    def __init__(
        self,
        program: Program,
        container: Container,
        base: Path,
        surroundings: Mapping[str, str],
        log: JobLog,
        isolation: Isolation | None = None,
        hidden: Path | None = None,
        names: Sequence[str] = (),
        shown: Sequence[Path] = (),
    ) -> None:
        if container.engine:
            variables = {**surroundings, **program.environment}
            hosts = _loopback(names)
            self._process: KeptProcess = ContainerProcess(
                container.engine, container.image, program.command, variables, base, hosts
            )
        else:
            place = isolation or Isolation.best()
            self._process = _in_folder(program, container, base, surroundings, place, hidden, names, shown)
        self._reader = follow(self._process.output, log)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program and those of its children that stayed in its process group."""
        self._process.signal(number)

    def close(self) -> None:
        """Kill what is left of it and wait until its last words are in the log."""
        self._process.close()
        self._reader.join(_READER_SECONDS)


def describe_exit(code: int) -> str:
    """Say how a process ended: `exit code 3`, or which signal killed it."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
        return f"killed by {name}" + (" (often: out of memory)" if name == "SIGKILL" else "")
    return f"killed by signal {-code}"


def _in_folder(
    program: Program,
    container: Container,
    base: Path,
    surroundings: Mapping[str, str],
    isolation: Isolation,
    hidden: Path | None,
    names: Sequence[str],
    shown: Sequence[Path],
) -> KeptProcess:
    """A process of this machine, in place of the image."""
    own = {name: isolation.translate(value, base) for name, value in program.environment.items()}
    basics = _basics(container, isolation.place(base))
    environment = {**basics, **surroundings, **own}
    if "PATH" in own:
        environment["PATH"] = os.pathsep.join([basics["PATH"], own["PATH"]])
    (base / "tmp").mkdir(parents=True, exist_ok=True)
    command = [isolation.translate(word, base) for word in program.command]
    if isolation is Isolation.REWRITING:
        return KeptProcess(command, environment, base)
    for number in range(len(shown)):
        (base / "shown" / str(number)).mkdir(parents=True)
    return KeptProcess(command, environment, base, base, hidden, _write_hosts(base, names), shown)


def _loopback(names: Sequence[str]) -> dict[str, str]:
    """An address of this machine for each of a job's hosts."""
    return {name: f"127.0.0.{number}" for number, name in enumerate(names, start=1)}


def _write_hosts(base: Path, names: Sequence[str]) -> Path | None:
    """This machine's `/etc/hosts` and the address of each name; None where there is nothing to add or to."""
    machine = Path("/etc/hosts")
    if not names or not machine.is_file():
        return None
    lines = [f"{address} {name}" for name, address in _loopback(names).items()]
    file = base / "tmp" / "hosts"
    file.write_text("\n".join([machine.read_text(), *lines, ""]))
    return file


def _basics(container: Container, base: Path) -> dict[str, str]:
    """The environment that every process needs; nothing of the server's own comes along but its PATH.

    Args:
        container: whose programs come first.
        base: the process's folder, where the process finds it.
    """
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

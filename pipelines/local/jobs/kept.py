"""A process that lives no longer than the server, nor does anything that it starts."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_KEEPER = Path(__file__).with_name("keeper.py")
_END_SECONDS = 10.0  # Linux ends what is killed at once, unless it waits for a disk or a driver


class KeptProcess:
    """A program under a keeper, which kills all that is left when the program ends, or this object, or the server.

    Args:
        command: the program and its arguments.
        environment: its variables.
        folder: where it runs.
        base: shown to it as `/opt/ml`, which is then where it runs; None to show it this machine as it is.
        hidden: shown to it as empty; only together with a base.
        hosts: shown to it as `/etc/hosts`; only together with a base.
        shown: folders shown to it as `/opt/ml/shown/0` and so on, also where they lie in what is hidden; only together
            with a base, which must have folders of these names.

    Attributes:
        output: what the program writes to its standard output and error.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        base: Path | None = None,
        hidden: Path | None = None,
        hosts: Path | None = None,
        shown: Sequence[Path] = (),
    ) -> None:
        places = ["" if path is None else str(path) for path in (base, hidden, hosts)]
        places += [str(len(shown)), *map(str, shown)]
        self._process = subprocess.Popen(  # noqa: S603 - a list of words, no shell
            [sys.executable, "-I", "-S", str(_KEEPER), *places, *command],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a process started with pipes has none")
        self._orders = self._process.stdin
        self.output: IO[bytes] = self._process.stdout

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the program runs."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program's process group; one that has ended is left alone."""
        with contextlib.suppress(BrokenPipeError):
            self._orders.write(bytes([number]))

    def close(self) -> None:
        """Kill what still runs, and wait until it is gone."""
        self._orders.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

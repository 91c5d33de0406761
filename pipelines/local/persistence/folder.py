"""Keeps a second server out of a state folder that is in use."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


class FolderInUseError(Exception):
    """Another server uses the state folder; the message says which folder."""


class StateFolder:
    """Holds a state folder until it is released, or the process ends.

    Args:
        path: the folder; it is made where there is none.

    Raises:
        FolderInUseError: another server holds it.
        OSError: it cannot be made or written to.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = (path / "lock").open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise FolderInUseError(
                f"Another embedded SageMaker uses this state folder already: {path}. Stop it, or choose another folder."
            ) from error

    def release(self) -> None:
        """Let others have the folder."""
        self._file.close()

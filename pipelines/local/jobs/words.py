"""Reads what a program left about its own end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_LONGEST_MESSAGE_BYTES = 1024  # AWS keeps the first kilobyte


def read_words(files: Iterable[Path]) -> str | None:
    """The beginning of the first of `files` that exists and holds anything."""
    for path in files:
        if path.is_file():
            with path.open("rb") as file:
                text = file.read(_LONGEST_MESSAGE_BYTES).decode(errors="replace").strip()
            if text:
                return text
    return None

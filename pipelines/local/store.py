"""What survives a restart of the server: JSON documents by kind and name, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path

from pipelines.local.aws import Json

_VERSION = 1
"""Of the tables and of what is in the documents; to be raised with every change that an earlier server cannot read."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (kind, name)
)
"""


class StoreError(Exception):
    """The database cannot be used; the message says why."""


class Store:
    """Documents on disk; safe to share between threads.

    What `put` has returned from is there after a `kill -9` of the server; after a power cut the last moments may be
    missing, but never a part of a document (SQLite's write-ahead log with `synchronous=NORMAL`).

    Args:
        file: the database; made where it does not exist, with its folder.

    Raises:
        StoreError: the file is no database, or was written by another version of this program.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        try:
            self._prepare()
        except (sqlite3.Error, StoreError) as error:
            self._database.close()
            raise StoreError(str(error)) from error

    def put(self, kind: str, name: str, document: Json) -> None:
        """Keep a document, in the place of an earlier one of this kind and name."""
        body = json.dumps(document)
        with self._lock:
            self._database.execute(
                "INSERT INTO documents (kind, name, body) VALUES (?, ?, ?) "
                "ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body",
                (kind, name, body),
            )

    def get(self, kind: str, name: str) -> Json | None:
        """The document of this kind and name, if there is one."""
        with self._lock:
            row = self._database.execute(
                "SELECT body FROM documents WHERE kind = ? AND name = ?", (kind, name)
            ).fetchone()
        return None if row is None else json.loads(row[0])

    def all(self, kind: str) -> list[Json]:
        """Every document of a kind, in the order in which their names were first kept."""
        with self._lock:
            rows = self._database.execute(
                "SELECT body FROM documents WHERE kind = ? ORDER BY number", (kind,)
            ).fetchall()
        return [json.loads(body) for (body,) in rows]

    def remove(self, kind: str, name: str) -> None:
        """Forget a document; one that is not there is left alone."""
        with self._lock:
            self._database.execute("DELETE FROM documents WHERE kind = ? AND name = ?", (kind, name))

    def close(self) -> None:
        """Write out and let go of the file."""
        with self._lock:
            self._database.close()

    def _prepare(self) -> None:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):  # it is 0 in a new file
            raise StoreError(f"its records are of version {version}, and this program reads version {_VERSION}")
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(_SCHEMA)
        self._database.execute(f"PRAGMA user_version={_VERSION}")

"""Takes what a job writes to S3 while it still runs: checkpoints, and outputs in the mode `Continuous`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipelines.local.files import FileState, file_states
from pipelines.local.s3 import Storage, TransferError

_PERIOD_SECONDS = 1.0
_SETTLED_NS = 1_000_000_000
_LARGEST_SHARE = 0.2  # of the time, that is spent on uploads while a job runs

_log = logging.getLogger(__name__)


class Mirror:
    """A folder whose new and changed files are stored under a prefix. What is removed in the folder stays in S3.

    Args:
        storage: stores the files.
        folder: what to store.
        uri: the prefix.
    """

    def __init__(self, storage: Storage, folder: Path, uri: str) -> None:
        self._storage = storage
        self._folder = folder
        self._uri = uri
        self._known: dict[Path, FileState] = {}

    def is_stored(self) -> None:
        """Take the folder as it is now for what is in S3.

        What a host leaves as it was fetched may be older than what another host has written to the same key since.
        """
        self._known = file_states(self._folder)

    def sync(self) -> None:
        """Store what is new.

        Raises:
            TransferError: a file could not be stored.
        """
        self._store(file_states(self._folder))

    def sync_settled(self) -> None:
        """Store what is new and was last written a second ago or longer: not what is being written just now.

        Raises:
            TransferError: a file could not be stored.
        """
        latest = time.time_ns() - _SETTLED_NS
        files = file_states(self._folder).items()
        self._store({path: state for path, state in files if state.modified_ns <= latest})

    def _store(self, files: dict[Path, FileState]) -> None:
        self._storage.upload_files(self._folder, files, self._uri, self._known)


@contextmanager
def mirroring(mirrors: Sequence[Mirror]) -> Iterator[None]:
    """Store what is new and settled in `mirrors` about once a second while the body runs.

    A file that could not be stored is tried again, and in the end reported by the last `sync` of the job.
    """
    done = threading.Event()
    thread = threading.Thread(target=_follow, args=(mirrors, done), name="uploads", daemon=True)
    if mirrors:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if mirrors:
            thread.join()


def _follow(mirrors: Sequence[Mirror], done: threading.Event) -> None:
    pause = _PERIOD_SECONDS
    while not done.wait(pause):
        began = time.monotonic()
        for mirror in mirrors:
            try:
                mirror.sync_settled()
            except TransferError as error:
                _log.debug("not stored yet: %s", error)
        pause = max(_PERIOD_SECONDS, (time.monotonic() - began) / _LARGEST_SHARE)

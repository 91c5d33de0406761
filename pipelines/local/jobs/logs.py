"""A job's log: a file on this machine, and CloudWatch Logs for whoever follows from elsewhere."""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.local.connection import Connection

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef

_PUSH_SECONDS = 0.5
_CHUNK_BYTES = 64 * 1024
_LONGEST_LINE = 8 * 1024  # characters; a longer line becomes several
_LARGEST_FILE = 256 * 1024 * 1024  # bytes
_LARGEST_STREAM = 16 * 1024 * 1024  # characters in CloudWatch, which lives in memory
_EVENT_COST = 256  # of an event's memory beside its text, as characters: empty lines cost too
_LARGEST_BATCH = 512 * 1024  # characters in one call; AWS takes a megabyte of UTF-8
_LARGEST_TAIL = 16 * 1024


class LogError(Exception):
    """The log cannot be written; the message says why."""


class LogFile:
    """The file that the processes of one job share: the first 256 MB they write, and the end.

    Attributes:
        error: why it could not be written, once that has happened; what comes later is dropped.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: str | None = None
        self._lock = threading.Lock()
        self._file = path.open("ab", buffering=0)
        self._room = _LARGEST_FILE
        self._dropped = 0
        self._end = b""

    def write(self, data: bytes) -> None:
        """Append output of one host. What a straggler writes after the job's end is dropped."""
        with self._lock:
            fits, rest = data[: self._room], data[self._room :]
            self._room -= len(fits)
            self._append(fits)
            if rest:
                self._dropped += len(rest)
                self._end = (self._end + rest)[-_LARGEST_TAIL:]

    def finish(self) -> None:
        """Append the end of what had no room, and how much is missing; call it when the processes have ended."""
        with self._lock:
            if self._dropped:
                cut = self._dropped - len(self._end)
                self._append(f"\n[the log is too long: {cut} bytes are left out here]\n".encode() + self._end)
                self._dropped, self._end = 0, b""

    def close(self) -> None:
        """Close the file; call it when no process writes any more."""
        with self._lock:
            self._file.close()

    def tail(self, lines: int) -> str:
        """The last lines that hold anything."""
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - _LARGEST_TAIL))
            text = file.read().decode(errors="replace")
        return "\n".join([line.rstrip() for line in text.splitlines() if line.strip()][-lines:])

    def _append(self, data: bytes) -> None:
        if self._file.closed or self.error is not None:
            return
        try:
            while data:  # a nearly full disk may take a part
                data = data[self._file.write(data) :]
        except OSError as error:
            self.error = f"{error.strerror}: {self.path}"


class JobLog:
    """The output of one host, kept in the job's file and sent to a CloudWatch stream.

    Args:
        file: the job's file.
        connection: the server that holds the stream.
        group: for instance `/aws/sagemaker/TrainingJobs`.
        stream: for instance `my-job/algo-1-1700000000`.
    """

    def __init__(self, file: LogFile, connection: Connection, group: str, stream: str) -> None:
        self._file = file
        self._logs = connection.logs
        self._group, self._stream = group, stream
        self._partial = b""
        self._waiting: list[InputLogEventTypeDef] = []
        self._room = _LARGEST_STREAM
        self._pushed = time.monotonic()

    def open(self) -> None:
        """Make the stream, as soon as the job starts: whoever follows it waits for that."""
        exists = self._logs.exceptions.ResourceAlreadyExistsException
        try:
            with contextlib.suppress(exists):
                self._logs.create_log_group(logGroupName=self._group)
            with contextlib.suppress(exists):  # a job that was interrupted is back within the same second
                self._logs.create_log_stream(logGroupName=self._group, logStreamName=self._stream)
        except (ClientError, BotoCoreError) as error:
            self._file.write(f"[CloudWatch Logs did not take the stream {self._stream}: {error}]\n".encode())

    def write(self, data: bytes) -> None:
        """Take a piece of output as it came from the process; whole lines go on, the rest waits."""
        whole, newline, self._partial = (self._partial + data).rpartition(b"\n")
        self._emit(whole + newline)
        if len(self._partial) > _LONGEST_LINE:
            self._emit(self._partial)
            self._partial = b""

    def push(self, *, final: bool = False) -> None:
        """Send what has gathered, every half second at most unless it is the last time."""
        if final:
            self._emit(self._partial)
            self._partial = b""
        elif time.monotonic() - self._pushed < _PUSH_SECONDS:
            return
        self._pushed = time.monotonic()
        while self._waiting:
            batch = self._batch()
            try:
                self._logs.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=batch)
            except (ClientError, BotoCoreError) as error:
                self._file.write(f"[CloudWatch Logs did not take {len(batch)} lines: {error}]\n".encode())

    def _batch(self) -> list[InputLogEventTypeDef]:
        """Take as many waiting events as one call should carry."""
        room = _LARGEST_BATCH
        count = 0
        while count < len(self._waiting) and room > 0:
            room -= len(self._waiting[count]["message"]) + _EVENT_COST
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    def _emit(self, data: bytes) -> None:
        self._file.write(data)
        if self._room <= 0:
            return
        stamp = int(time.time() * 1000)
        for line in data.decode(errors="replace").split("\n"):
            text = line.rstrip("\r")
            for start in range(0, len(text), _LONGEST_LINE):
                self._event(stamp, text[start : start + _LONGEST_LINE])

    def _event(self, stamp: int, text: str) -> None:
        if self._room <= 0 or not text.strip():
            return
        self._room -= len(text) + _EVENT_COST
        self._waiting.append({"timestamp": stamp, "message": text})
        if self._room <= 0:
            self._waiting.append({"timestamp": stamp, "message": f"[the log goes on in {self._file.path}]"})


def follow(pipe: IO[bytes], log: JobLog) -> threading.Thread:
    """Read a process's output in a thread until it ends."""
    thread = threading.Thread(target=_follow, args=(pipe, log), name="job-log", daemon=True)
    thread.start()
    return thread


def _follow(pipe: IO[bytes], log: JobLog) -> None:
    log.open()
    with pipe, selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if selector.select(_PUSH_SECONDS):
                data = os.read(pipe.fileno(), _CHUNK_BYTES)
                if not data:
                    break
                log.write(data)
            log.push()
    log.push(final=True)

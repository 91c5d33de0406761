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
_LARGEST_STREAM = 16 * 1024 * 1024  # characters in CloudWatch, which lives in memory; the file has all
_LARGEST_TAIL = 16 * 1024


class LogFile:
    """The file that the processes of one job share."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Append output of one host. What a straggler writes after the job's end is dropped."""
        with self._lock:
            if not self._file.closed:
                self._file.write(data)

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
        self._open_stream()

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
            batch, self._waiting = self._waiting[:1000], self._waiting[1000:]
            try:
                self._logs.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=batch)
            except (ClientError, BotoCoreError) as error:
                self._file.write(f"[CloudWatch Logs did not take {len(batch)} lines: {error}]\n".encode())

    def _emit(self, data: bytes) -> None:
        self._file.write(data)
        stamp = int(time.time() * 1000)
        for line in data.decode(errors="replace").split("\n"):
            text = line.rstrip("\r")
            for start in range(0, len(text), _LONGEST_LINE):
                self._event(stamp, text[start : start + _LONGEST_LINE])

    def _event(self, stamp: int, text: str) -> None:
        if self._room <= 0 or not text.strip():
            return
        self._room -= len(text)
        self._waiting.append({"timestamp": stamp, "message": text})
        if self._room <= 0:
            self._waiting.append({"timestamp": stamp, "message": f"[the log goes on in {self._file.path}]"})

    def _open_stream(self) -> None:
        exists = self._logs.exceptions.ResourceAlreadyExistsException
        with contextlib.suppress(exists):
            self._logs.create_log_group(logGroupName=self._group)
        with contextlib.suppress(exists):  # a job that was interrupted is back within the same second
            self._logs.create_log_stream(logGroupName=self._group, logStreamName=self._stream)


def follow(pipe: IO[bytes], log: JobLog) -> threading.Thread:
    """Read a process's output in a thread until it ends."""
    thread = threading.Thread(target=_follow, args=(pipe, log), name="job-log", daemon=True)
    thread.start()
    return thread


def _follow(pipe: IO[bytes], log: JobLog) -> None:
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

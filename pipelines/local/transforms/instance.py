"""One instance of a transform job: its container, and the objects that go through it in their order."""

from __future__ import annotations

import gzip
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.local.aws import Json
from pipelines.local.hosting.serving import ServingError, ServingProcess
from pipelines.local.jobs.fleet import Host, Surroundings
from pipelines.local.jobs.logs import JobLog, LogFile
from pipelines.local.s3 import Listed, Storage
from pipelines.local.transforms.invocations import Invocations
from pipelines.local.transforms.records import RecordError, batches, read_records
from pipelines.local.transforms.request import Manner


@dataclass(frozen=True)
class Work:
    """What all instances of a transform job share.

    Attributes:
        container: the model's container definition with the job's environment.
        manner: how objects go through it.
        target: the prefix of the results.
        surroundings: what jobs share.
        log: the job's log file.
        streams: CloudWatch's log group, and the job's name as the first part of its streams.
        storage: moves objects.
        stopping: set once the job is to end.
    """

    container: Json
    manner: Manner
    target: str
    surroundings: Surroundings
    log: LogFile
    streams: tuple[str, str]
    storage: Storage
    stopping: threading.Event


@dataclass
class _Output:
    """The result of one object, while it grows."""

    item: Listed
    path: Path
    failure: str | None = None

    @property
    def key(self) -> str:
        """The object's name as AWS's logs show it."""
        return f"{self.item.source.bucket}/{self.item.source.key}"


class Instance:
    """Starts a container on one host and sends objects through it."""

    def __init__(self, work: Work, host: Host) -> None:
        self._work = work
        self._host = host
        group, job = work.streams
        stream = f"{job}/{host.name}-{int(time.time())}"
        self._serving = ServingProcess(work.container, work.surroundings, host.base, work.log, (group, stream))
        self._data_log = JobLog(work.log, work.surroundings.connection, group, f"{stream}/data-log")
        self._failures: list[str] = []

    def close(self) -> None:
        """End the container; what waits for its answer fails."""
        self._serving.close()

    def transform(self, objects: Sequence[Listed]) -> list[str]:
        """Store the result of each object.

        Returns:
            why an object has none, for each that has none.

        Raises:
            ServingError: the container does not become healthy.
            TransferError: an object could not be fetched, or a result not be stored.
        """
        manner = self._work.manner
        self._data_log.open()
        strategy = "MULTI_RECORD" if manner.several else "SINGLE_RECORD"
        self._tell(
            f"MaxConcurrentTransforms={manner.concurrent}, MaxPayloadInMB={manner.payload_mb}, BatchStrategy={strategy}"
        )
        try:
            if self._work.stopping.is_set():
                raise ServingError("The job was stopped before its container had started.")
            self._serving.start()
            self._serving.wait_until_healthy()
            self._transform(objects)
        finally:
            self._serving.close()
            self._data_log.push(final=True)
        return self._failures

    def _transform(self, objects: Sequence[Listed]) -> None:
        """Keep as many requests on their way as may be, and take their answers in their order."""
        manner = self._work.manner
        invocations = Invocations(self._serving, manner, self._work.stopping)
        waiting: deque[tuple[_Output, Future[bytes] | None]] = deque()
        with ThreadPoolExecutor(manner.concurrent) as pool:
            for output, records in self._requests(objects):
                if self._work.stopping.is_set():
                    return
                waiting.append((output, pool.submit(invocations.transform, records) if records else None))
                while len(waiting) > manner.concurrent:
                    self._take(*waiting.popleft())
            while waiting:
                self._take(*waiting.popleft())

    def _requests(self, objects: Sequence[Listed]) -> Iterator[tuple[_Output, list[bytes]]]:
        """The batches of every object, each object's with an empty one at the end."""
        folder = self._host.base / "transform"
        for number, item in enumerate(objects):
            source = folder / f"{number}.in"
            self._work.storage.download([Listed(item.source, source.name)], folder)
            output = _Output(item, folder / f"{number}.out")
            output.path.touch()
            try:
                for records in self._batches(source):
                    if output.failure is not None:
                        break
                    yield output, records
            except (RecordError, EOFError, zlib.error, gzip.BadGzipFile) as error:
                output.failure = str(error)
            source.unlink()
            yield output, []

    def _batches(self, source: Path) -> Iterator[list[bytes]]:
        manner = self._work.manner
        with gzip.GzipFile(source) if manner.gzip else source.open("rb") as file:
            records = read_records(file, lines=manner.lines, largest_bytes=manner.payload_bytes)
            yield from batches(records, several=manner.several and manner.lines, largest_bytes=manner.payload_bytes)

    def _take(self, output: _Output, answer: Future[bytes] | None) -> None:
        """Add an answer to its object's result, or store the result that is whole."""
        if answer is None:
            self._finish(output)
        elif output.failure is None:
            try:
                result = answer.result()
            except RecordError as error:
                output.failure = str(error)
            else:
                with output.path.open("ab") as file:
                    file.write(result)

    def _finish(self, output: _Output) -> None:
        if output.failure is None:
            self._work.storage.upload_file(output.path, f"{self._work.target}/{output.item.name}.out")
        else:
            self._failures.append(f"{output.key}: {output.failure}")
            self._tell(self._failures[-1])
            if not self._serving.alive and not self._work.stopping.is_set():
                raise ServingError("The container ended before the last object was transformed.")
        output.path.unlink()

    def _tell(self, line: str) -> None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        self._data_log.write(f"{stamp}:[sagemaker logs]: {line}\n".encode())
        self._data_log.push()

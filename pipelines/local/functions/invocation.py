"""One invocation of a function: a process, its time limit, its log, its answer."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from pipelines.local.aws import Json
from pipelines.local.connection import Connection
from pipelines.local.functions.catalog import Function
from pipelines.local.functions.code import CodeError, CodeFolders
from pipelines.local.jobs.containers import Container
from pipelines.local.jobs.isolation import Isolation
from pipelines.local.jobs.logs import JobLog, LogFile
from pipelines.local.jobs.process import HostProcess, Program

_RUNTIME = Path(__file__).with_name("runtime.py")
_POLL_SECONDS = 0.01
# AWS gives a function 10 s to load before its own time-out begins; here jobs may be using every core.
_LOADING_SECONDS = 60.0
_LARGEST_ANSWER = 6_291_556  # bytes; Lambda's quota of a synchronous payload
_LARGEST_TAIL = 4 * 1024  # bytes of the log that LogType=Tail answers with


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended.

    Attributes:
        request_id: Lambda's identifier of the invocation.
        version: of the function that ran.
        payload: JSON: what the handler returned, or the error.
        failed: whether it is an error.
        tail: the end of the log.
    """

    request_id: str
    version: str
    payload: bytes
    failed: bool
    tail: bytes

    @property
    def answer(self) -> Any:
        """The payload, parsed."""
        return json.loads(self.payload)


class Runner:
    """Runs functions; safe to share between threads.

    Args:
        folder: each invocation has a folder here while it runs, and the code that was used last.
        connection: the server.
        isolation: what stands between functions and everything else that runs.
        hidden: the folder that they should not look into, where that can be.
    """

    def __init__(
        self, folder: Path, connection: Connection, isolation: Isolation | None = None, hidden: Path | None = None
    ) -> None:
        self._invocations = folder / "invocations"
        self._code = CodeFolders(folder / "code")
        self._connection = connection
        self._isolation = isolation or Isolation.best()
        self._hidden = hidden
        self._stopping = threading.Event()
        shutil.rmtree(self._invocations, ignore_errors=True)  # what a killed server left

    def stop(self) -> None:
        """End every invocation that runs and each that begins later."""
        self._stopping.set()

    def run(self, function: Function, event: bytes, client_context: Any = None) -> Outcome:
        """Run a function to its end. Whatever goes wrong in it is an outcome.

        Args:
            function: what to run.
            event: JSON that the handler gets.
            client_context: the caller's, parsed.
        """
        request_id = str(uuid4())
        base = self._invocations / request_id
        base.mkdir(parents=True)
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{function.version}]{request_id.replace('-', '')}"
        file = LogFile(base / "log")
        try:
            log = JobLog(file, self._connection.in_role(function.role), f"/aws/lambda/{function.name}", stream)
            _say(log, f"START RequestId: {request_id} Version: {function.version}")
            invocation = _invocation(function, request_id, stream, client_context)
            (base / "event.json").write_bytes(event)
            (base / "invocation.json").write_text(json.dumps(invocation))
            begun = time.monotonic()
            payload, failed = self._answer(function, base, log, request_id)
            milliseconds = (time.monotonic() - begun) * 1000
            _say(log, f"END RequestId: {request_id}")
            _say(
                log,
                f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t"
                f"Billed Duration: {int(milliseconds) + 1} ms\tMemory Size: {function.memory_mb} MB",
            )
            log.push(final=True)
            return Outcome(request_id, function.version, payload, failed, _tail(base / "log"))
        finally:
            file.close()
            shutil.rmtree(base, ignore_errors=True)

    def _answer(self, function: Function, base: Path, log: JobLog, request_id: str) -> tuple[bytes, bool]:
        """The payload, and whether it is an error."""
        try:
            with self._code.lend([function.archive, *function.layers]) as folders:
                ending = self._execute(function, base, log, folders)
        except CodeError as error:
            ending = _error("InvalidZipFileException", str(error))
        if ending is not None:
            text = f"RequestId: {request_id} Error: {ending['errorMessage']}"
            _say(log, text)
            return json.dumps({**ending, "errorMessage": text}).encode(), True
        failure = base / "error.json"
        return (failure.read_bytes(), True) if failure.is_file() else ((base / "response.json").read_bytes(), False)

    def _execute(self, function: Function, base: Path, log: JobLog, folders: list[Path]) -> Json | None:
        """Run the process; the error where it left no answer."""
        process = self._start(function, base, log, folders)
        try:
            if not self._wait(process, base, function.timeout_seconds):
                return _error("Sandbox.Timedout", f"Task timed out after {function.timeout_seconds:.2f} seconds")
            code = process.poll()
        finally:
            process.close()
        sizes = [path.stat().st_size for path in base.glob("*.json") if path.name in ("response.json", "error.json")]
        if not sizes:
            return _error("Runtime.ExitError", f"Runtime exited {_how(code)}")
        if max(sizes) > _LARGEST_ANSWER:
            return _error(
                "Function.ResponseSizeTooLarge",
                f"Response payload size exceeded maximum allowed payload size ({_LARGEST_ANSWER} bytes).",
            )
        return None

    def _start(self, function: Function, base: Path, log: JobLog, folders: list[Path]) -> HostProcess:
        root, *layers = self._isolation.shown(folders)
        surroundings = {
            **self._connection.in_role(function.role).environment(),
            "LAMBDA_TASK_ROOT": str(root),
            "LAMBDA_LAYERS": os.pathsep.join(str(layer / "python") for layer in layers),
            "_HANDLER": function.handler,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "TZ": ":UTC",
        }
        place = str(self._isolation.place(base))
        program = Program([sys.executable, str(_RUNTIME), place], function.environment)
        container = Container("lambda", root)
        return HostProcess(
            program, container, base, surroundings, log, self._isolation, hidden=self._hidden, shown=folders
        )

    def _wait(self, process: HostProcess, base: Path, limit_seconds: float) -> bool:
        """Wait for the process to end by itself; False where its time is over or the server stops."""
        loading = time.monotonic() + _LOADING_SECONDS
        deadline: float | None = None
        while process.poll() is None:
            if deadline is None and (base / "initialised").exists():
                deadline = time.monotonic() + limit_seconds
            if time.monotonic() > (deadline or loading) or self._stopping.wait(_POLL_SECONDS):
                process.signal(signal.SIGKILL)
                return False
        return True


def _invocation(function: Function, request_id: str, stream: str, client_context: Any) -> Json:
    """What the runtime makes the handler's context of."""
    return {
        "RequestId": request_id,
        "FunctionName": function.name,
        "FunctionArn": function.arn,
        "Version": function.version,
        "MemorySize": function.memory_mb,
        "Timeout": function.timeout_seconds,
        "LogGroup": f"/aws/lambda/{function.name}",
        "LogStream": stream,
        "ClientContext": client_context,
    }


def _error(kind: str, message: str) -> Json:
    return {"errorType": kind, "errorMessage": message}


def _how(code: int | None) -> str:
    if not code:
        return "without providing a reason"
    if code > 0:
        return f"with error: exit status {code}"
    return f"with error: signal: {signal.strsignal(-code) or -code}".lower()


def _say(log: JobLog, line: str) -> None:
    log.write(f"{line}\n".encode())


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LARGEST_TAIL))
        return base64.b64encode(file.read())

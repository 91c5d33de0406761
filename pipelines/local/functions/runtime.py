"""Runs a Lambda function's handler once: `runtime.py FOLDER`, in a process of its own.

The folder holds `event.json` and `invocation.json`; the answer is left there as `response.json`, or the error as
`error.json`, in the form and the words of AWS's Python runtime. It imports nothing but the standard library, so that
it starts quickly.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Reserved but unused memory counts too (thread stacks, allocator arenas), so the limit has room for it.
_HEADROOM = 192 * 1024 * 1024  # bytes


class RuntimeFault(Exception):  # noqa: N818 - a fault of the function's package, in AWS's words
    """The handler cannot be called, or its answer not be sent."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Context:
    """What a handler is given beside the event; AWS's names."""

    def __init__(self, invocation: dict[str, Any]) -> None:
        self.aws_request_id = invocation["RequestId"]
        self.function_name = invocation["FunctionName"]
        self.function_version = invocation["Version"]
        self.invoked_function_arn = invocation["FunctionArn"]
        self.memory_limit_in_mb = str(invocation["MemorySize"])
        self.log_group_name = invocation["LogGroup"]
        self.log_stream_name = invocation["LogStream"]
        self.identity = None
        self.client_context = invocation["ClientContext"]
        self._deadline = time.monotonic() + invocation["Timeout"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the function."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def main(folder: Path) -> None:
    """Load the handler, call it, leave the answer."""
    invocation = json.loads((folder / "invocation.json").read_text())
    identity = invocation["RequestId"]
    _limit_memory(invocation["MemorySize"] * 1024 * 1024)
    logging.basicConfig(stream=sys.stdout, format=f"[%(levelname)s]\t%(asctime)s\t{identity}\t%(message)s")
    try:
        handler = _load(os.environ["_HANDLER"])
        event = json.loads((folder / "event.json").read_bytes())
        (folder / "initialised").touch()  # from here on the function's time counts
        name, answer = "response.json", _as_json(handler(event, Context(invocation)))
    except RuntimeFault as fault:
        name, answer = "error.json", _error(identity, fault.kind, str(fault), [])
    except Exception as error:
        lines = traceback.format_tb(error.__traceback__)[1:]  # the first is this file
        name, answer = "error.json", _error(identity, type(error).__name__, str(error), lines)
    part = folder / "part"
    part.write_text(answer, encoding="utf-8", errors="replace")
    part.rename(folder / name)


def _limit_memory(most: int) -> None:
    limit = most + _HEADROOM
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _load(handler: str) -> Callable[[Any, Context], Any]:
    """The function that `folder/module.name` names.

    Raises:
        RuntimeFault: there is none.
    """
    module_name, dot, name = handler.rpartition(".")
    if not dot:
        raise RuntimeFault(
            "Runtime.MalformedHandlerName", f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)"
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        text = f"Unable to import module '{module_name}': {error}"
        raise RuntimeFault("Runtime.ImportModuleError", text) from error
    except SyntaxError as error:
        text = f"Syntax error in module '{module_name}': {error}"
        raise RuntimeFault("Runtime.UserCodeSyntaxError", text) from error
    try:
        found: Callable[[Any, Context], Any] = getattr(module, name)
    except AttributeError as error:
        text = f"Handler '{name}' missing on module '{module_name}'"
        raise RuntimeFault("Runtime.HandlerNotFound", text) from error
    return found


def _as_json(answer: Any) -> str:
    try:
        return json.dumps(answer, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise RuntimeFault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def _error(identity: str, kind: str, message: str, lines: list[str]) -> str:
    """The error as AWS answers it, also said in the function's log."""
    print(f"[ERROR] {kind}: {message}", *(["Traceback (most recent call last):"] if lines else []), sep="\n")  # noqa: T201
    print("".join(lines), end="", flush=True)  # noqa: T201 - standard output is the function's log
    return json.dumps({"errorMessage": message, "errorType": kind, "requestId": identity, "stackTrace": lines})


if __name__ == "__main__":
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]  # in the place of this file's own folder
    sys.path[1:1] = [path for path in os.environ.get("LAMBDA_LAYERS", "").split(os.pathsep) if path]
    main(Path(sys.argv[1]))

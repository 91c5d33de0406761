"""Lambda's Invoke: the routes that clients call, and the interface for the parts of this server."""

from __future__ import annotations

import base64
import json
import math
import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

from werkzeug import Request, Response
from werkzeug.exceptions import RequestEntityTooLarge

from pipelines.local.aws import ApiError, Json
from pipelines.local.connection import Connection
from pipelines.local.functions.asynchronous import AsynchronousInvocations
from pipelines.local.functions.catalog import Function, find
from pipelines.local.functions.invocation import Outcome, Runner
from pipelines.local.gateway import Route
from pipelines.local.jobs.isolation import Isolation
from pipelines.local.store import Store

_PATH = re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/invocations/?")
_OLD_PATH = re.compile(r"/2014-11-13/functions/(?P<name>[^/]+)/invoke-async/?")
_LARGEST_PAYLOAD = 6_291_556  # bytes; Lambda's quota where the caller waits
_LARGEST_EVENT = 1024 * 1024  # bytes; Lambda's quota where it does not
_MOST_AT_ONCE = 64  # Lambda's default is 1,000; each is a process here

_STATUS = {
    "ResourceNotFoundException": HTTPStatus.NOT_FOUND,
    "TooManyRequestsException": HTTPStatus.TOO_MANY_REQUESTS,
    "RequestTooLargeException": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}


class Functions:
    """Invokes the functions that moto keeps.

    Args:
        folder: unpacked code, and a folder for each invocation while it runs.
        connection: the server; functions find it in their environment.
        store: keeps events that wait for their function.
        isolation: what stands between functions and everything else that runs.
        hidden: the folder that they should not look into, where that can be.
    """

    def __init__(
        self,
        folder: Path,
        connection: Connection,
        store: Store,
        isolation: Isolation | None = None,
        hidden: Path | None = None,
    ) -> None:
        self._runner = Runner(folder, connection, isolation, hidden)
        self._free = threading.BoundedSemaphore(_MOST_AT_ONCE)
        self._events = AsynchronousInvocations(self._runner.run, connection, store)

    def routes(self) -> Sequence[Route]:
        """The paths that are answered here."""
        return (
            Route("POST", _PATH, self._answer),
            Route("POST", _OLD_PATH, lambda request, match: _refusable(self._take_event, request, match["name"])),
        )

    def invoke(self, function: str, payload: Json, *, longest_seconds: float = math.inf) -> Outcome:
        """Run a function and wait for its end.

        Args:
            function: its name or ARN, with or without a qualifier.
            payload: the event.
            longest_seconds: ends the function even where its own time-out is longer.

        Raises:
            ApiError: there is no such function, or it cannot run here, or too many run.
        """
        found = find(function)
        limited = replace(found, timeout_seconds=min(found.timeout_seconds, longest_seconds))
        return self._invoke(limited, json.dumps(payload).encode())

    def resume(self) -> None:
        """Go on with the events that waited when the last server ended; call it when the server serves."""
        self._events.resume()

    def stop(self) -> None:
        """End all invocations, and each that is asked for from now on."""
        self._events.stop()
        self._runner.stop()

    def close(self, timeout_seconds: float) -> None:
        """Wait, after `stop`, for those whose callers do not wait."""
        self._events.close(timeout_seconds)

    def _invoke(self, function: Function, body: bytes, client_context: Any = None) -> Outcome:
        if not self._free.acquire(blocking=False):
            raise ApiError("TooManyRequestsException", f"Rate Exceeded: {_MOST_AT_ONCE} functions run already.")
        try:
            return self._runner.run(function, body, client_context)
        finally:
            self._free.release()

    def _answer(self, request: Request, match: re.Match[str]) -> Response:
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        answer = {
            "RequestResponse": self._run,
            "Event": self._take_event,
            "DryRun": lambda request, name: _accept(request, name, HTTPStatus.NO_CONTENT),
        }.get(kind)
        if answer is None:
            return _refusal(ApiError("InvalidParameterValueException", f"There is no invocation type '{kind}'."))
        return _refusable(answer, request, match["name"])

    def _run(self, request: Request, name: str) -> Response:
        body = _body(request, _LARGEST_PAYLOAD)
        outcome = self._invoke(find(name, request.args.get("Qualifier")), body, _client_context(request))
        response = Response(outcome.payload, HTTPStatus.OK, content_type="application/json")
        response.headers["x-amzn-RequestId"] = outcome.request_id
        response.headers["X-Amz-Executed-Version"] = outcome.version
        if outcome.failed:
            response.headers["X-Amz-Function-Error"] = "Unhandled"
        if request.headers.get("X-Amz-Log-Type") == "Tail":
            response.headers["X-Amz-Log-Result"] = outcome.tail.decode()
        return response

    def _take_event(self, request: Request, name: str) -> Response:
        body = _body(request, _LARGEST_EVENT)
        self._events.put(find(name, request.args.get("Qualifier")), body)
        return Response(status=HTTPStatus.ACCEPTED, headers={"x-amzn-RequestId": str(uuid4())})


def _accept(request: Request, name: str, status: HTTPStatus) -> Response:
    """Say that a call would be right, without running anything."""
    _body(request, _LARGEST_PAYLOAD)
    find(name, request.args.get("Qualifier"))
    return Response(status=status, headers={"x-amzn-RequestId": str(uuid4())})


def _refusable(answer: Any, request: Request, name: str) -> Response:
    try:
        response: Response = answer(request, name)
    except ApiError as error:
        return _refusal(error)
    return response


def _refusal(error: ApiError) -> Response:
    """An error as Lambda's REST protocol sends it."""
    status = _STATUS.get(error.code, HTTPStatus.BAD_REQUEST)
    body = json.dumps({"Type": "User", "Message": str(error)})
    headers = {"x-amzn-ErrorType": error.code, "x-amzn-RequestId": str(uuid4())}
    return Response(body, status, headers, content_type="application/json")


def _body(request: Request, most: int) -> bytes:
    """The event, `{}` where there is none.

    Raises:
        ApiError: it is too large, or not JSON.
    """
    request.max_content_length = most
    try:
        body = request.get_data()
    except RequestEntityTooLarge as error:
        raise ApiError(
            "RequestTooLargeException", f"Request must be smaller than {most} bytes for the InvokeFunction operation"
        ) from error
    try:
        json.loads(body.decode() or "{}")
    except (ValueError, RecursionError) as error:
        text = f"Could not parse request body into json: {error}"
        raise ApiError("InvalidRequestContentException", text) from error
    return body or b"{}"


def _client_context(request: Request) -> Any:
    """What the caller says of itself, sent as base64 of JSON."""
    try:
        return json.loads(base64.b64decode(request.headers.get("X-Amz-Client-Context", "bnVsbA==")))
    except ValueError as error:
        raise ApiError("InvalidRequestContentException", "The client context is not base64 of JSON.") from error

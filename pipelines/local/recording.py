"""Writes down every call that is answered: who made it, which one, and what it names."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.local.aws import Json, iso_time, now
from pipelines.local.identities import SERVER_KEY, USER_KEY, Identities
from pipelines.local.understanding import understood

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/[\w-]+/([\w-]+)/aws4_request")  # of Signature Version 4
# How botocore names the services whose signatures name them otherwise.
_BOTOCORE_NAMES = {"apigateway": "apigatewayv2", "monitoring": "cloudwatch"}
_NAMING = re.compile(r"\w*(Name|Arn|ARN|Bucket|Key|Prefix|Url|Uri|Id)")
_LONGEST = 2048  # characters of a name
_ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/.+")


class Recorder:
    """Appends calls to a file, one JSON object a line; safe to share between threads.

    Args:
        file: made where it does not exist; where it is None nothing is written.
        identities: tell the callers.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, file: Path | None, identities: Identities) -> None:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        self._file = file
        self._identities = identities
        self._lock = threading.Lock()

    def note(self, caller: str, service: str, operation: str, request: Json, status: int = 200) -> None:
        """Write a call down.

        Args:
            caller: the ARN of a role or user.
            service: botocore's name of it.
            operation: as in `CreateTrainingJob`.
            request: the call's input, of which the names are kept.
            status: of the answer.
        """
        if self._file is None:
            return
        line = {
            "time": iso_time(now()),
            "caller": caller,
            "service": service,
            "operation": operation,
            "resources": _names(request),
            "roles": sorted(set(_roles(request))),
            "status": status,
        }
        with self._lock, self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def recorded(self, application: WSGIApplication) -> WSGIApplication:
        """The application, with what it answers written down; what the server itself asks is not."""
        return application if self._file is None else self._around(application)

    def _around(self, application: WSGIApplication) -> WSGIApplication:
        def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            signed = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
            key, signing_name = signed.groups() if signed else (USER_KEY, "")
            service = _BOTOCORE_NAMES.get(signing_name, signing_name)
            if not service or key == SERVER_KEY:
                return application(environ, start_response)
            operation, request = understood(environ, service)
            caller = self._identities.caller(key)

            def noted(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
                self.note(caller, service, operation, request, int(status.partition(" ")[0]))
                return start_response(status, headers, *rest)

            return application(environ, noted)

        return answer


def _names(request: Json) -> dict[str, str]:
    """What a request names, by its fields."""
    return {
        name: value
        for name, value in request.items()
        if isinstance(value, str)
        and (_NAMING.fullmatch(name) or name in ("prefix", "Resource"))
        and len(value) <= _LONGEST
    }


def _roles(value: Any) -> Iterator[str]:
    """The roles that a request hands over, anywhere in it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.lower().endswith("role") or name.lower().endswith("rolearn"):
                if isinstance(inner, str) and _ROLE.fullmatch(inner):
                    yield inner
            else:
                yield from _roles(inner)
    elif isinstance(value, list):
        for each in value:
            yield from _roles(each)

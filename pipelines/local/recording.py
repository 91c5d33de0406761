"""Writes down every call that is answered: who made it, which one, and what it names."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import get_input_stream

from pipelines.local.aws import Json, iso_time, now
from pipelines.local.identities import SERVER_KEY, USER_KEY, Identities

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/[\w-]+/([\w-]+)/aws4_request")  # of Signature Version 4
# How botocore names the services whose signatures name them otherwise.
_BOTOCORE_NAMES = {"apigateway": "apigatewayv2", "monitoring": "cloudwatch"}
_RUNTIME = re.compile(r"/endpoints/[^/]+/(async-)?invocations.*")
_CBOR = re.compile(r"/service/\w+/operation/(\w+)")  # the path of AWS's CBOR protocol
_READ = 1024 * 1024  # bytes of a body in which names are looked for; longer ones are objects or code
_WITHOUT_BODY = ("s3", "lambda", "sagemaker-runtime")  # what they name is in the path
_NAMING = re.compile(r"\w*(Name|Arn|ARN|Bucket|Key|Prefix|Url|Uri|Id)")
_LONGEST = 2048  # characters of a name
_ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/.+")

_log = logging.getLogger(__name__)


class Recorder:
    """Appends calls to a file, one JSON object a line; safe to share between threads.

    Args:
        file: made where it does not exist; where it is None nothing is written.
        identities: tell the callers.
    """

    def __init__(self, file: Path | None, identities: Identities) -> None:
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
            operation, request = _understood(environ, service)
            caller = self._identities.caller(key)

            def noted(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
                self.note(caller, service, operation, request, int(status.partition(" ")[0]))
                return start_response(status, headers, *rest)

            return application(environ, noted)

        return answer


def _understood(environ: WSGIEnvironment, service: str) -> tuple[str, Json]:
    """The operation that a request asks for, and its input as far as it can be read."""
    path = environ.get("PATH_INFO", "")
    named = _CBOR.fullmatch(path)
    if named:
        return named[1], {}
    if service == "sagemaker" and _RUNTIME.fullmatch(path):
        return "InvokeEndpoint", {"EndpointName": path.split("/")[2]}
    body = b"" if service in _WITHOUT_BODY else _body(environ)
    try:
        request = Request({**environ, "wsgi.input": BytesIO(body)})
        operation, found = get_service_router(service).match(request)
    except (HTTPException, NotImplementedError, ValueError, LookupError) as error:
        _log.debug("A request to %s could not be understood: %s", service, error)
        return f"{environ['REQUEST_METHOD']} {path}", {}
    if body:
        found = {**found, **_parsed(operation, request, body)}
    queried = {name: value for name, value in request.args.items() if name == "prefix"}
    return str(operation.name), {**found, **queried}


def _body(environ: WSGIEnvironment) -> bytes:
    """The body of a request, which can be read again afterwards; nothing where it is long."""
    if int(environ.get("CONTENT_LENGTH") or 0) > _READ or "HTTP_TRANSFER_ENCODING" in environ:
        return b""
    body = get_input_stream(environ).read()
    environ["wsgi.input"] = BytesIO(body)
    return body


def _parsed(operation: Any, request: Request, body: bytes) -> Json:
    protocol = determine_request_protocol(operation.service_model, request.content_type)
    given: Any = {
        "body": body,
        "headers": request.headers,
        "method": request.method,
        "url_params": {},
        "url_path": request.path,
        "values": request.values,
    }
    try:
        found: Json = PROTOCOL_PARSERS[protocol](operation).parse(given)
    except Exception as error:  # whatever is wrong with a request is the service's to answer
        _log.debug("The input of %s could not be read: %s", operation.name, error)
        return {}
    return found


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

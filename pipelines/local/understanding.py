"""Tells which operation a request of any service asks for, and what it names, by moto's readers of AWS's protocols."""

from __future__ import annotations

import logging
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import get_input_stream

from pipelines.local.aws import Json

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_RUNTIME = re.compile(r"/endpoints/[^/]+/(async-)?invocations.*")
_CBOR = re.compile(r"/service/\w+/operation/(\w+)")  # the path of AWS's CBOR protocol
_READ = 1024 * 1024  # bytes of a body in which names are looked for; longer ones are objects or code
_WITHOUT_BODY = ("s3", "lambda")  # what they name is in the path

_log = logging.getLogger(__name__)


def understood(environ: WSGIEnvironment, service: str) -> tuple[str, Json]:
    """The operation that a request asks for, and its input as far as it can be read.

    Args:
        environ: the request; its body can be read again afterwards.
        service: botocore's name of it.
    """
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

"""Tells which calls of AWS's APIs change what moto keeps, and writes them down so that they can be repeated."""

from __future__ import annotations

import re
import sys
from typing import IO, TYPE_CHECKING
from urllib.parse import parse_qs

from pipelines.local.aws import Json

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_READING_METHODS = ("GET", "HEAD", "OPTIONS")
_READING = re.compile(
    r"(Get|List|Describe|Search|BatchGet|Query|Scan|Filter|Lookup|Test|Simulate|Select|StartQuery|StopQuery)"
)
# What passes through rather than stays: messages, log lines, measurements, sessions.
_PASSING = re.compile(
    r"(Send|Receive|ChangeMessage|DeleteMessage|Publish|PutEvents|PutLogEvents|CreateLogStream|PutMetricData"
    r"|Assume|Decode).*"
)
_ACTION_PATH = re.compile(r"/service/\w+/operation/(\w+)")  # of AWS's CBOR protocol
# Of moto itself, of functions and of endpoints; an object may have a key that looks like them.
_MOTO_PATH = re.compile(r"/moto-api/.*")
_INVOCATION_PATHS = re.compile(
    r"/2015-03-31/functions/[^/]+/invocations/?|/2014-11-13/functions/[^/]+/invoke-async/?"
    r"|/endpoints/[^/]+/(async-)?invocations(-response-stream)?"
)
_OF_S3 = re.compile(r"/s3/aws4_request|uploadId=|uploads")
_KEPT = re.compile(
    r"REQUEST_METHOD|REQUEST_URI|RAW_URI|SCRIPT_NAME|PATH_INFO|QUERY_STRING|SERVER_(NAME|PORT|PROTOCOL)|CONTENT_TYPE"
    r"|wsgi\.url_scheme|moto\.preserved_header_names|HTTP_.+"
)
# Conditions have been met: once earlier calls have been dropped they might not be again. Bodies come whole, not in
# chunks. Credentials for a session are nobody's business, and what a client says of itself has no effect.
_LEFT_OUT = re.compile(
    r"HTTP_(IF_(NONE_)?MATCH|IF_(UN)?MODIFIED_SINCE|X_AMZ_COPY_SOURCE_IF_.+|TRANSFER_ENCODING|CONNECTION|EXPECT"
    r"|X_AMZ_SECURITY_TOKEN|CONTENT_LENGTH|USER_AGENT|ACCEPT.*|AMZ_SDK_.+)"
)


def may_change(environ: WSGIEnvironment) -> bool:
    """Whether a call may change what moto keeps, as far as its head tells."""
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    if method in _READING_METHODS or _MOTO_PATH.fullmatch(path) or _is_invocation(environ, path):
        return False
    named = _ACTION_PATH.fullmatch(path) if "HTTP_SMITHY_PROTOCOL" in environ else None
    return not _is_reading(named[1] if named else environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2])


def _is_invocation(environ: WSGIEnvironment, path: str) -> bool:
    signature = environ.get("HTTP_AUTHORIZATION", "") + environ.get("QUERY_STRING", "")
    called = environ["REQUEST_METHOD"] == "POST" and _INVOCATION_PATHS.fullmatch(path)
    return bool(called) and not _OF_S3.search(signature)


def changes(environ: WSGIEnvironment, form: bytes) -> bool:
    """Whether a call that may change something does, in the protocol that names the action in a form.

    Args:
        environ: the call's head.
        form: its body, or the beginning of it.
    """
    if environ["REQUEST_METHOD"] != "POST":  # an object may be of any type
        return True
    if not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return True
    action = parse_qs(form.decode(errors="replace")).get("Action", [""])[0]
    return not _is_reading(action)


def _is_reading(action: str) -> bool:
    return bool(_READING.match(action) or _PASSING.fullmatch(action))


def head(environ: WSGIEnvironment) -> Json:
    """What has to be kept of a call beside its body."""
    return {name: value for name, value in environ.items() if _KEPT.fullmatch(name) and not _LEFT_OUT.fullmatch(name)}


def whole(head: WSGIEnvironment, body: IO[bytes], length: int) -> WSGIEnvironment:
    """A call, new or kept, with its body in one piece, as a server would hand it to a WSGI application."""
    return {
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{name: value for name, value in head.items() if name != "HTTP_TRANSFER_ENCODING"},
        "wsgi.input": body,
        "CONTENT_LENGTH": str(length),
    }

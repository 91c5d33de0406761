"""The WSGI layer in front of moto: takes over the calls that must really do something, passes on the rest."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING
from uuid import uuid4

from werkzeug.wsgi import get_input_stream

from pipelines.local.aws import Action, ApiError, Json, NotOursError, invalid, shorten
from pipelines.local.shapes import check

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PREFIX = "SageMaker."  # of the X-Amz-Target header; AWS's JSON protocol 1.1
_LARGEST_BODY = 8 * 1024 * 1024  # bytes; the largest field, a definition, has at most 1 MB
_LONGEST_MESSAGE = 4000

# Changes a request on its way to moto, where moto would lose what AWS keeps.
Amend = Callable[[Json], Json]

_log = logging.getLogger(__name__)


class Gateway:
    """A WSGI application.

    Args:
        moto: answers everything else.
        actions: the calls of SageMaker's API that are answered here.
        amendments: the calls that moto answers once their request has been completed.
    """

    def __init__(self, moto: WSGIApplication, actions: Mapping[str, Action], amendments: Mapping[str, Amend]) -> None:
        self._moto = moto
        self._actions = actions
        self._amendments = amendments

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        target: str = environ.get("HTTP_X_AMZ_TARGET", "")
        action = target.removeprefix(_PREFIX) if target.startswith(_PREFIX) else ""
        try:
            if action in self._actions:
                request = _read(environ, action)
                _replace_body(environ, request)  # in case it is passed on after all
                answer = self._actions[action](request)
                return _reply(start_response, HTTPStatus.OK, answer)
            if action in self._amendments:
                _replace_body(environ, self._amendments[action](_read(environ, action)))
        except NotOursError:
            _log.debug("%s is passed on to moto", action)
        except ApiError as error:
            return _reply(start_response, HTTPStatus.BAD_REQUEST, _error(error.code, str(error)))
        except Exception as error:
            _log.exception("The call %s met an error of the server", action)
            text = f"{type(error).__name__}: {error}"
            return _reply(start_response, HTTPStatus.INTERNAL_SERVER_ERROR, _error("InternalFailure", text))
        return self._moto(environ, start_response)


def _read(environ: WSGIEnvironment, action: str) -> Json:
    """The parsed and checked body of a request.

    Raises:
        ApiError: it is too long, or not the JSON object that the action takes.
    """
    stream = get_input_stream(environ)
    raw = stream.read(_LARGEST_BODY + 1)
    if len(raw) > _LARGEST_BODY:
        while stream.read(_LARGEST_BODY):  # a client still sending would not read the answer
            pass
        raise invalid(f"A request may have at most {_LARGEST_BODY} bytes.")
    try:
        body = json.loads(raw or b"{}", parse_constant=_no_constant)
        request = _without_nulls(body) if isinstance(body, dict) else None
    except (ValueError, RecursionError) as error:
        raise ApiError("SerializationException", f"The request's body is not JSON: {error}") from error
    if request is None:
        raise ApiError("SerializationException", "The request's body must be a JSON object.")
    check(action, request)
    return request


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not a JSON number")


def _without_nulls(body: Json) -> Json:
    """In AWS's protocol a member that is null is one that is absent."""
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in body.items()
        if value is not None
    }


def _replace_body(environ: WSGIEnvironment, request: Json) -> None:
    body = json.dumps(request).encode()
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)  # what came in chunks is whole now


def _error(code: str, message: str) -> Json:
    return {"__type": code, "message": shorten(message, _LONGEST_MESSAGE)}


def _reply(start_response: StartResponse, status: HTTPStatus, answer: Json) -> list[bytes]:
    body = json.dumps(answer).encode()
    headers = [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("Content-Length", str(len(body))),
        ("x-amzn-RequestId", str(uuid4())),
    ]
    if "__type" in answer:
        headers.append(("x-amzn-ErrorType", answer["__type"]))
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]

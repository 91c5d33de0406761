"""The WSGI layer in front of moto: takes over the calls that must really do something, passes on the rest."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import uuid4

from werkzeug import Request, Response
from werkzeug.wsgi import get_input_stream

from pipelines.local.aws import Action, ApiError, Json, NotOursError, invalid, shorten
from pipelines.local.entrance import in_our_region, refusal, without_cors
from pipelines.local.shapes import check, service

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PREFIX = "SageMaker."  # of the X-Amz-Target header; AWS's JSON protocol 1.1
_LARGEST_BODY = 8 * 1024 * 1024  # bytes; the largest field, a definition, has at most 1 MB
_LONGEST_MESSAGE = 4000
_ABOUT_TAGS = ("ListTags", "AddTags", "DeleteTags")
_UNTAGGED = "There is no such resource, or its tags are not kept by the embedded SageMaker."

# Changes a request on its way to moto, where moto would lose what AWS keeps.
Amend = Callable[[Json], Json]
# Is told of a call that moto has answered well: the client's request and the answer.
Follow = Callable[[Json, Json], None]
# Answers an HTTP request to a path of its own; the match holds the path's groups.
Answer = Callable[[Request, re.Match[str]], Response]


@dataclass(frozen=True)
class Route:
    """A path that is answered here, such as that of InvokeEndpoint.

    Attributes:
        method: of HTTP.
        path: has to match as a whole.
        answer: answers; it raises NotOursError to leave the request, with its body unread, to other routes and moto.
    """

    method: str
    path: re.Pattern[str]
    answer: Answer


_log = logging.getLogger(__name__)


class Gateway:
    """A WSGI application.

    Args:
        moto: answers everything else.
        actions: the calls of SageMaker's API that are answered here.
        amendments: the calls that moto answers once their request has been completed.
        followers: who is told of a call that moto has answered well.
        routes: the paths that are answered here.
    """

    def __init__(
        self,
        moto: WSGIApplication,
        actions: Mapping[str, Action],
        amendments: Mapping[str, Amend],
        followers: Mapping[str, Follow] = MappingProxyType({}),
        routes: Sequence[Route] = (),
    ) -> None:
        self._moto = moto
        self._actions = actions
        self._amendments = amendments
        self._followers = followers
        self._routes = routes

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        refused = refusal(environ)
        if refused:
            return _reply(start_response, HTTPStatus.FORBIDDEN, _error("AccessDeniedException", refused))
        in_our_region(environ)
        return self._answer(environ, without_cors(start_response))

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        routed = self._route(environ)
        if routed is not None:
            return routed(environ, start_response)
        target: str = environ.get("HTTP_X_AMZ_TARGET", "")
        action = target.removeprefix(_PREFIX) if target.startswith(_PREFIX) else ""
        if not action:
            return self._moto(environ, start_response)
        try:
            if action in self._actions:
                request = _read(environ, action)
                _replace_body(environ, request)  # in case it is passed on after all
                answer = self._actions[action](request)
                return _reply(start_response, HTTPStatus.OK, answer)
            if action in self._amendments or action in self._followers:
                request = _read(environ, action)
                amended = self._amendments[action](request) if action in self._amendments else request
                _replace_body(environ, amended)
                if action in self._followers:
                    return self._followed(environ, start_response, self._followers[action], request)
        except NotOursError:
            _log.debug("%s is passed on to moto", action)
        except ApiError as error:
            return _reply(start_response, HTTPStatus.BAD_REQUEST, _error(error.code, str(error)))
        except Exception as error:
            _log.exception("The call %s met an error of the server", action)
            return _failure(start_response, error)
        return self._pass_on(environ, start_response, action)

    def _route(self, environ: WSGIEnvironment) -> Response | None:
        """The answer of the route that takes a request, if one does."""
        for route in self._routes:
            match = route.path.fullmatch(environ.get("PATH_INFO", ""))
            if match and environ["REQUEST_METHOD"] == route.method:
                try:
                    return route.answer(Request(environ), match)
                except NotOursError:
                    continue
        return None

    def _pass_on(self, environ: WSGIEnvironment, start_response: StartResponse, action: str) -> Iterable[bytes]:
        """Have moto answer; what it does not know is answered in AWS's form."""
        if action not in service().operation_names:
            return _unknown(start_response, action)
        try:
            return self._moto(environ, start_response)
        except NotImplementedError:
            return _unknown(start_response, action)
        except Exception as error:
            if action in _ABOUT_TAGS:  # it looks into what it does not find
                return _reply(start_response, HTTPStatus.BAD_REQUEST, _error("ResourceNotFound", _UNTAGGED))
            _log.warning("moto could not answer %s: %s: %s", action, type(error).__name__, error)
            return _failure(start_response, error)

    def _followed(
        self, environ: WSGIEnvironment, start_response: StartResponse, follow: Follow, request: Json
    ) -> Iterable[bytes]:
        """Have moto answer, and tell the follower before the client hears of it."""
        response = Response.from_app(self._moto, environ, buffered=True)
        if response.status_code == HTTPStatus.OK:
            follow(request, json.loads(response.get_data() or b"{}"))
        return response(environ, start_response)


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


def _unknown(start_response: StartResponse, action: str) -> list[bytes]:
    text = f"The embedded SageMaker does not know {shorten(action, 100)}."
    return _reply(start_response, HTTPStatus.BAD_REQUEST, _error("UnknownOperationException", text))


def _failure(start_response: StartResponse, error: Exception) -> list[bytes]:
    text = f"{type(error).__name__}: {error}"
    return _reply(start_response, HTTPStatus.INTERNAL_SERVER_ERROR, _error("InternalFailure", text))


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

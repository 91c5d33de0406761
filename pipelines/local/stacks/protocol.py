"""CloudFormation's protocol: calls arrive as forms and are answered in XML."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from moto.core.parse import QueryParser
from moto.core.serialize import QuerySerializer, SerializationContext
from moto.core.utils import get_service_model
from werkzeug import Request, Response

from pipelines.local.aws import ApiError, Json, NotOursError, shorten
from pipelines.local.gateway import Route
from pipelines.local.stacks.errors import refused

# Answers a call: its input, and the access key of its caller.
Answer = Callable[[Json, str], Json]

_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/[\w-]+/cloudformation/aws4_request")  # of Signature Version 4
_LARGEST_FORM = 3 * 1024 * 1024  # bytes; a template has at most 1 MB, and a form writes some bytes as three
_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"

_log = logging.getLogger(__name__)


def route(answers: Mapping[str, Answer]) -> Route:
    """Where the calls arrive.

    Args:
        answers: who answers, by the names of the operations.
    """
    return Route("POST", re.compile("/"), functools.partial(_answer, answers))


def _answer(answers: Mapping[str, Answer], request: Request, _: re.Match[str]) -> Response:
    signed = _SCOPE.search(request.headers.get("Authorization", ""))
    if signed is None:
        raise NotOursError("cloudformation")
    request.max_content_length = request.max_form_memory_size = _LARGEST_FORM
    action = request.form.get("Action", "")
    answer = answers.get(action)
    if answer is None:
        text = f"The embedded SageMaker does not know {shorten(action, 100)} of CloudFormation."
        return _refusal(ApiError("InvalidAction", text), HTTPStatus.BAD_REQUEST)
    try:
        operation: Any = get_service_model("cloudformation").operation_model(action)
        found = answer(_input(operation, request), signed[1])
        context = SerializationContext(str(uuid4()))
        body = QuerySerializer(operation, context).serialize(found)
    except ApiError as error:
        return _refusal(error, HTTPStatus.BAD_REQUEST)
    except Exception as error:
        _log.exception("The call %s met an error of the server", action)
        failure = ApiError("InternalFailure", f"{type(error).__name__}: {error}")
        return _refusal(failure, HTTPStatus.INTERNAL_SERVER_ERROR)
    return Response(body["body"], body["status_code"], body["headers"])


def _input(operation: Any, request: Request) -> Json:
    """The call's input.

    Raises:
        ApiError: something is missing.
    """
    found: Json = QueryParser(operation).parse({"values": request.values})  # type: ignore[typeddict-item]
    shape = operation.input_shape
    missing = [name for name in (shape.required_members if shape else []) if name not in found]
    if missing:
        raise refused(f"1 validation error detected: Value null at '{missing[0]}' failed to satisfy constraint")
    return found


def _refusal(error: ApiError, status: HTTPStatus) -> Response:
    who = "Sender" if status is HTTPStatus.BAD_REQUEST else "Receiver"
    text = (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>{who}</Type><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(str(error))}</Message></Error><RequestId>{uuid4()}</RequestId></ErrorResponse>"
    )
    return Response(text, status, content_type="text/xml")

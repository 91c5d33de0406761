"""InvokeEndpoint, the one call of SageMaker's runtime API: from HTTP to a variant's container and back."""

from __future__ import annotations

import json
import logging
import re
from http import HTTPStatus
from uuid import uuid4

from werkzeug import Request, Response

from pipelines.local.aws import ACCOUNT, REGION, ApiError, Json
from pipelines.local.gateway import Route
from pipelines.local.hosting.endpoint import Endpoint
from pipelines.local.hosting.instance import ContainerError
from pipelines.local.hosting.service import Hosting
from pipelines.local.hosting.serving import LARGEST_PAYLOAD_BYTES, Answer
from pipelines.local.hosting.traffic import NotInServiceError, NoVariantError
from pipelines.local.hosting.variant import NoInstanceError, ThrottledError

_PREFIX = "X-Amzn-SageMaker-"
_TARGET_VARIANT = f"{_PREFIX}Target-Variant"
_PASSED_ON = ("Content-Type", "Accept", f"{_PREFIX}Custom-Attributes", f"{_PREFIX}Inference-Id")
_ON_AWS_ONLY = tuple(
    _PREFIX + name
    for name in (
        "Target-Model",
        "Target-Container-Hostname",
        "Enable-Explanations",
        "Inference-Component",
        "Session-Id",
    )
)
_SERVER_ERROR = 500  # the first of them
_LONGEST_MESSAGE = 1024  # characters of a container's error that AWS passes on

_log = logging.getLogger(__name__)


class _Refusal(Exception):  # noqa: N818 - an answer like others
    """A call that is answered with an error of AWS's runtime API."""

    def __init__(self, status: int, code: str, message: str, **more: str | int) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.more = more


class Invocations:
    """Answers invocations of endpoints.

    Args:
        hosting: the endpoints.
    """

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting

    def routes(self) -> list[Route]:
        """The paths of the runtime API."""
        return [
            Route("POST", re.compile(r"/endpoints/([^/]+)/invocations"), self._answer),
            Route("POST", re.compile(r"/endpoints/[^/]+/(async-invocations|invocations-response-stream)"), _refuse),
        ]

    def _answer(self, request: Request, match: re.Match[str]) -> Response:
        try:
            return self._invoke(request, match[1])
        except _Refusal as refusal:
            return _error(refusal)
        except Exception as error:
            _log.exception("An invocation of the endpoint %s met an error of the server", match[1])
            return _error(_Refusal(500, "InternalFailure", f"{type(error).__name__}: {error}"))

    def _invoke(self, request: Request, name: str) -> Response:
        body = _body(request)
        refused = [field for field in _ON_AWS_ONLY if field in request.headers]
        if refused:
            raise _invalid(f"The embedded SageMaker does not support {', '.join(refused)}.")
        headers = {field: request.headers[field] for field in _PASSED_ON if field in request.headers}
        variant, answer = _send(self._find(name), body, headers, request.headers.get(_TARGET_VARIANT))
        response = Response(answer.body, answer.status, content_type=answer.headers.get("Content-Type"))
        response.headers["x-Amzn-Invoked-Production-Variant"] = variant
        response.headers["x-amzn-RequestId"] = str(uuid4())
        attributes = f"{_PREFIX}Custom-Attributes"
        if attributes in answer.headers:
            response.headers[attributes] = answer.headers[attributes]
        return response

    def _find(self, name: str) -> Endpoint:
        try:
            return self._hosting.find(name)
        except ApiError as error:
            raise _unknown(name) from error


def _send(endpoint: Endpoint, body: bytes, headers: dict[str, str], target: str | None) -> tuple[str, Answer]:
    try:
        return endpoint.send(body, headers, target)
    except NotInServiceError as error:
        raise _unknown(endpoint.name) from error
    except NoVariantError as error:
        raise _invalid(
            f"The endpoint {endpoint.name} has no variant named '{target}'."
            if target
            else f"No variant of the endpoint {endpoint.name} has a weight above zero."
        ) from error
    except NoInstanceError as error:
        raise _Refusal(
            503, "ServiceUnavailable", "No instance is healthy at the moment. Try your call again."
        ) from error
    except ThrottledError as error:
        text = "The MaxConcurrency of the serverless variant is reached. Try your call again."
        raise _Refusal(429, "ThrottlingException", text) from error
    except ContainerError as error:
        raise _model_error(endpoint.name, error) from error


def _body(request: Request) -> bytes:
    body = request.stream.read(LARGEST_PAYLOAD_BYTES + 1)
    if len(body) > LARGEST_PAYLOAD_BYTES:
        while request.stream.read(LARGEST_PAYLOAD_BYTES):  # a client still sending would not read the answer
            pass
        raise _Refusal(413, "ValidationError", f"The payload of an invocation may have {LARGEST_PAYLOAD_BYTES} bytes.")
    return body


def _unknown(name: str) -> _Refusal:
    """AWS's words for an endpoint that does not exist, and for one that is not in service yet."""
    return _invalid(f"Endpoint {name} of account {ACCOUNT} not found.")


def _invalid(message: str) -> _Refusal:
    return _Refusal(400, "ValidationError", message)


def _model_error(endpoint: str, error: ContainerError) -> _Refusal:
    message = str(error)[:_LONGEST_MESSAGE]
    side = "server" if error.status == 0 or error.status >= _SERVER_ERROR else "client"
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    return _Refusal(
        HTTPStatus.FAILED_DEPENDENCY,
        "ModelError",
        f'Received {side} error ({error.status}) from {error.container} with message "{message}". '
        f"See the log group {group} in account {ACCOUNT} for more information.",
        OriginalStatusCode=error.status,
        OriginalMessage=message,
        LogStreamArn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:{error.stream}",
    )


def _refuse(request: Request, match: re.Match[str]) -> Response:
    _body(request)
    return _error(_invalid(f"The embedded SageMaker does not support {match[1]}; use InvokeEndpoint."))


def _error(refusal: _Refusal) -> Response:
    body: Json = {"Message": str(refusal), **refusal.more}
    response = Response(json.dumps(body), refusal.status, content_type="application/json")
    response.headers["x-amzn-ErrorType"] = refusal.code
    response.headers["x-amzn-RequestId"] = str(uuid4())
    return response

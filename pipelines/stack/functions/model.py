"""Asks the endpoint about a photo, and puts what it refuses or fails at into a status and a sentence."""

import base64
import json
import logging
from http import HTTPStatus
from typing import Any, NoReturn

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from pipelines.stack.functions.question import JSON_TYPE, Question
from pipelines.stack.functions.refusal import RefusedError, later

# InvokeEndpoint's errors that pass by themselves, by the names in its API reference.
PASSING = {
    "InternalDependencyException",
    "InternalFailure",
    "ModelNotReadyException",
    "ServiceUnavailable",
    "ThrottlingException",
}
LONGEST_REASON = 500  # characters of the endpoint's words that are passed on

_log = logging.getLogger(__name__)


def ask_model(runtime: Any, endpoint: str, question: Question) -> dict[str, Any]:
    """The endpoint's answer to a question.

    Raises:
        RefusedError: the endpoint is missing or busy (503), refuses the photo (its own 4xx), fails (502), or does not
            answer in time (504).
        ClientError: what only an operator can put right, such as a missing permission.
    """
    body, kind = question.photo, question.content_type
    if question.expected is not None:
        told = {"image": base64.b64encode(body).decode(), "expected_quantity": question.expected}
        body, kind = json.dumps(told).encode(), JSON_TYPE
    try:
        answer = runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=kind, Accept=JSON_TYPE)
        found: dict[str, Any] = json.loads(answer["Body"].read())
    except ClientError as error:
        _refuse(error, endpoint)
    except (NoConnectionError, HTTPClientError) as error:
        _log.warning("%s does not answer: %s", endpoint, error)
        raise RefusedError(HTTPStatus.GATEWAY_TIMEOUT, "The model did not answer in time: try again.") from error
    return found


def _refuse(error: ClientError, endpoint: str) -> NoReturn:
    response: Any = error.response
    code, message = response["Error"].get("Code", ""), response["Error"].get("Message", "")
    if code == "ModelError":
        raise _of_model(int(response.get("OriginalStatusCode", 0)), response.get("OriginalMessage", "")) from error
    if code in PASSING:
        raise later("The model is busy or being started: try again in a few seconds.") from error
    if code.startswith("Validation") and "not found" in message:
        raise later(f"No model answers at {endpoint} yet: one has to be approved first.") from error
    raise error


def _of_model(status: int, message: str) -> RefusedError:
    """What the serving process said, which is for who asked where the request is at fault."""
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return RefusedError(status, _reason(message) or "The model refuses this photo.")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return later("More photos wait for an answer than the model has room for: try again in a few seconds.")
    _log.error("the model answered %d: %s", status, message[:LONGEST_REASON])
    return RefusedError(HTTPStatus.BAD_GATEWAY, "The model failed at this photo.")


def _reason(message: str) -> str:
    """The sentence in the serving process's JSON, or its text as it is."""
    try:
        told = json.loads(message)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        told = message
    return str(told)[:LONGEST_REASON]

"""The calls of EventBridge that are answered here instead of by moto: PutEvents, and PutRule's check of schedules."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from io import BytesIO
from typing import Any

from werkzeug import Request, Response

from pipelines.local.aws import ApiError, Json, NotOursError, invalid, iso_time, now
from pipelines.local.events.bus import Bus
from pipelines.local.events.event import make_event
from pipelines.local.events.expressions import ExpressionError, parse
from pipelines.local.events.rules import bus_exists
from pipelines.local.gateway import Route

_TARGET = "AWSEvents."  # of the X-Amz-Target header
_LARGEST_BODY = 1024 * 1024  # bytes: AWS's limit for the entries of one PutEvents together
_MOST_ENTRIES = 10


class EventCalls:
    """Answers calls about events.

    Args:
        bus: takes the events in.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def route(self) -> Route:
        """Where the calls arrive."""
        return Route("POST", re.compile("/"), self._answer)

    def _answer(self, request: Request, _: re.Match[str]) -> Response:
        action = request.headers.get("X-Amz-Target", "").removeprefix(_TARGET)
        if request.headers.get("X-Amz-Target") not in (f"{_TARGET}PutEvents", f"{_TARGET}PutRule"):
            raise NotOursError(action)
        try:
            body = read_body(request)
            if action == "PutRule":
                _check_rule(body)
                raise NotOursError(action)
            return answer(self._put_events(body))
        except ApiError as error:
            return refuse(error)

    def _put_events(self, body: Json) -> Json:
        entries = body.get("Entries")
        if not isinstance(entries, list) or not 1 <= len(entries) <= _MOST_ENTRIES:
            raise invalid(
                "1 validation error detected: Value at 'entries' failed to satisfy constraint: "
                f"Member must be a list of 1 to {_MOST_ENTRIES} entries"
            )
        results = [self._put(entry) for entry in entries]
        return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}

    def _put(self, entry: Any) -> Json:
        """Take one entry in; its line of the answer."""
        if not isinstance(entry, dict):
            raise invalid("An entry must be an object.")
        bus = str(entry.get("EventBusName", "default")).rsplit("/", 1)[-1]
        if not bus_exists(bus):
            raise ApiError("ResourceNotFoundException", f"Event bus {bus} does not exist.")
        for field in ("Source", "DetailType", "Detail"):
            if not isinstance(entry.get(field), str) or not entry[field]:
                text = f"Parameter {field} is not valid. Reason: {field} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": text}
        if entry["Source"].startswith("aws."):
            return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
        detail = _object(entry["Detail"])
        if detail is None:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        event = make_event(entry["Source"], entry["DetailType"], detail, _resources(entry), _time(entry))
        self._bus.put(bus, event)
        return {"EventId": event["id"]}


def read_body(request: Request) -> Json:
    """The JSON object that a request brings; its body can be read again afterwards.

    Raises:
        ApiError: it is too long, or no JSON object.
    """
    raw = request.stream.read(_LARGEST_BODY + 1)
    if len(raw) > _LARGEST_BODY:
        while request.stream.read(_LARGEST_BODY):  # a client still sending would not read the answer
            pass
        raise invalid(f"A request may have at most {_LARGEST_BODY} bytes.")
    request.environ["wsgi.input"] = BytesIO(raw)
    request.environ["CONTENT_LENGTH"] = str(len(raw))
    request.environ.pop("HTTP_TRANSFER_ENCODING", None)  # what came in chunks is whole now
    body = _object(raw or b"{}")
    if body is None:
        raise ApiError("SerializationException", "The request's body must be a JSON object.")
    return body


def answer(body: Json, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A response in JSON."""
    return Response(json.dumps(body), status, content_type="application/x-amz-json-1.1")


def refuse(error: ApiError) -> Response:
    """The response to a request that is not right, in the forms of AWS's JSON and REST protocols."""
    response = answer({"__type": error.code, "message": str(error)}, HTTPStatus.BAD_REQUEST)
    response.headers["x-amzn-ErrorType"] = error.code
    return response


def _check_rule(body: Json) -> None:
    """Check what moto lets pass: to it any text within `cron()` is right.

    Raises:
        ApiError: the rule's ScheduleExpression is none.
    """
    expression = body.get("ScheduleExpression")
    if not isinstance(expression, str) or not expression:
        return
    try:
        parse(expression, of_rule=True)
    except ExpressionError as error:
        raise invalid(f"Parameter ScheduleExpression is not valid. {error}") from error


def _object(text: str | bytes) -> Json | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _resources(entry: Json) -> list[str]:
    given = entry.get("Resources")
    return [str(each) for each in given] if isinstance(given, list) else []


def _time(entry: Json) -> float:
    given = entry.get("Time")
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        return now()
    try:
        iso_time(given)
    except (ValueError, OverflowError, OSError) as error:
        raise invalid("Parameter Time is not valid.") from error
    return float(given)

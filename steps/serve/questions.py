"""What a request asks: photos, each with the quantity that the records expect, if it is given."""

import base64
import binascii
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "application/x-image")
JSON_TYPE, LINES_TYPE = "application/json", "application/jsonlines"
TAKEN = (*IMAGE_TYPES, JSON_TYPE, LINES_TYPE)
LARGEST_QUANTITY = 1_000_000


class RefusedError(Exception):
    """A request that is not answered; the message is for who sent it.

    Attributes:
        status: of HTTP, 4xx or 503.
    """

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Question:
    """One photo.

    Attributes:
        photo: the bytes of an image file.
        expected: the quantity that it should show, where that is asked.
    """

    photo: bytes
    expected: int | None = None


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    image: str
    expected_quantity: Annotated[int, Field(ge=0, le=LARGEST_QUANTITY)] | None = None


def read_questions(content_type: str, body: bytes, most: int) -> list[Question]:
    """Read a request's body.

    Args:
        content_type: the header; parameters after a semicolon are left aside.
        body: what was sent.
        most: questions that one request may hold.

    Raises:
        RefusedError: the type is not taken (415), the body is not of that type (400), or holds too many (413).
    """
    kind = content_type.split(";")[0].strip().lower()
    if kind in IMAGE_TYPES:
        if not body:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "The body is empty: send the bytes of an image file.")
        return [Question(body)]
    if kind == JSON_TYPE:
        return [_question(body, "The body")]
    if kind == LINES_TYPE:
        lines = [line for line in body.splitlines() if line.strip()]
        if not lines:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "The body holds no line.")
        if len(lines) > most:
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{len(lines)} lines are more than the {most} of one request."
            )
        return [_question(line, f"Line {number}") for number, line in enumerate(lines, start=1)]
    raise RefusedError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"The Content-Type {kind[:80]!r} is not taken: use one of {', '.join(TAKEN)}.",
    )


def _question(text: bytes, where: str) -> Question:
    try:
        found = _Line.model_validate(json.loads(text))
        photo = base64.b64decode(found.image, validate=True)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, f"{where}: {field + ': ' if field else ''}{problem['msg']}."
        ) from None
    except binascii.Error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"{where}: image is not base64.") from None
    except (ValueError, RecursionError):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"{where} is not JSON.") from None
    if not photo:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"{where}: image is empty.")
    return Question(photo, found.expected_quantity)

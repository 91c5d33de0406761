"""What a request asks: a photo, the quantity that it should show, and in which form the answer is wanted."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pipelines.stack.functions.refusal import RefusedError

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "application/x-image")
JSON_TYPE, SPEECH_TYPE = "application/json", "audio/mpeg"
# What a serverless endpoint takes at most, 4 MB ("Invoke a serverless endpoint" in the SageMaker Developer Guide).
LARGEST_PAYLOAD_BYTES = 4_000_000
# A photo with a quantity travels as base64 in JSON, of which the rest has fewer characters than this.
ROOM_FOR_JSON_BYTES = 64
LARGEST_WITH_QUANTITY_BYTES = (LARGEST_PAYLOAD_BYTES - ROOM_FOR_JSON_BYTES) // 4 * 3


@dataclass(frozen=True)
class Question:
    """One photo.

    Attributes:
        photo: the bytes of an image file.
        content_type: their type.
        expected: the quantity that it should show; None where that is not asked.
    """

    photo: bytes
    content_type: str
    expected: int | None


def choose_type(accept: str) -> str:
    """The type to answer in: the first of an Accept header that is given here; JSON where it is empty.

    Raises:
        RefusedError: none of them is (406).
    """
    for item in accept.lower().split(","):
        kind = item.split(";")[0].strip()
        if kind in (SPEECH_TYPE, "audio/*"):
            return SPEECH_TYPE
        if kind in ("", "*/*", "application/*", JSON_TYPE):
            return JSON_TYPE
    raise RefusedError(
        HTTPStatus.NOT_ACCEPTABLE, f"Answers are given as {JSON_TYPE} or {SPEECH_TYPE}, neither of which Accept names."
    )


def read_question(event: Mapping[str, Any]) -> Question:
    """Read an event of an HTTP API, in payload format 2.0.

    Raises:
        RefusedError: it is no POST (405), of no type that is taken (415), too large (413), or holds no photo or no
            quantity (400).
    """
    method = event["requestContext"]["http"]["method"]
    if method != "POST":
        raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "Send a photo by POST.", {"allow": "POST"})
    headers = event.get("headers") or {}
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in IMAGE_TYPES:
        raise RefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The Content-Type {kind[:80]!r} is not taken: send a photo as one of {', '.join(IMAGE_TYPES)}.",
        )
    expected = _quantity((event.get("queryStringParameters") or {}).get("expected_quantity"))
    return Question(_photo(event, expected), kind, expected)


def _quantity(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, f"expected_quantity is {text[:20]!r}: give a whole number of at most six digits."
        )
    return int(text)


def _photo(event: Mapping[str, Any], expected: int | None) -> bytes:
    body = event.get("body") or ""
    if not body:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The body is empty: send the bytes of an image file.")
    if not event.get("isBase64Encoded"):  # what the API takes for text has lost its bytes
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The body is text: send the bytes of an image file.")
    most = LARGEST_PAYLOAD_BYTES if expected is None else LARGEST_WITH_QUANTITY_BYTES
    try:
        photo = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The body did not arrive whole: send it again.") from None
    if len(photo) > most:
        raise RefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The photo has {len(photo):,} bytes, more than the {most:,} that are taken: send a smaller version.",
        )
    return photo

"""Requests as the HTTP API hands them on: read, or refused with a status of 4xx."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stack.functions.question import (
    IMAGE_TYPES,
    LARGEST_PAYLOAD_BYTES,
    LARGEST_WITH_QUANTITY_BYTES,
    Question,
    choose_type,
    read_question,
)
from pipelines.stack.functions.refusal import RefusedError


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("Audio/MPEG", "audio/mpeg"),
        ("text/html, audio/*;q=0.9", "audio/mpeg"),
        ("application/json, audio/mpeg", "application/json"),
    ],
)
def test_the_first_type_that_is_given_here_is_answered(accept: str, kind: str) -> None:
    assert choose_type(accept) == kind


def event(**change: Any) -> dict[str, Any]:
    """A request with a photo of five bytes."""
    usual = {
        "requestContext": {"http": {"method": "POST"}},
        "headers": {"content-type": "image/jpeg"},
        "body": base64.b64encode(b"photo").decode(),
        "isBase64Encoded": True,
    }
    return {**usual, **change}


def test_a_request_holds_a_photo_and_perhaps_a_quantity() -> None:
    assert read_question(event()) == Question(b"photo", "image/jpeg", None)
    counted = event(queryStringParameters={"expected_quantity": "3"}, headers={"content-type": "Image/PNG; x=y"})
    assert read_question(counted) == Question(b"photo", "image/png", 3)


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"requestContext": {"http": {"method": "PUT"}}}, 405, "Send a photo by POST."),
        ({"headers": None}, 415, "The Content-Type '' is not taken: send a photo as one of image/jpeg"),
        ({"headers": {"content-type": "text/html"}}, 415, "'text/html' is not taken"),
        ({"queryStringParameters": {"expected_quantity": "many"}}, 400, "expected_quantity is 'many': give a whole"),
        ({"queryStringParameters": {"expected_quantity": "-1"}}, 400, "give a whole number"),
        ({"body": ""}, 400, "The body is empty: send the bytes of an image file."),
        ({"body": "plain", "isBase64Encoded": False}, 400, "The body is text: send the bytes"),
        ({"body": "a"}, 400, "The body did not arrive whole"),
        ({"body": "ä" * 8}, 400, "The body did not arrive whole"),
    ],
)
def test_a_wrong_request_is_refused_in_a_sentence(change: dict[str, Any], status: int, says: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        read_question(event(**change))
    assert refusal.value.status == status
    assert says in str(refusal.value)


def test_a_photo_that_is_too_large_with_its_quantity_is_refused_before_it_is_sent() -> None:
    body = base64.b64encode(b"x" * (LARGEST_WITH_QUANTITY_BYTES + 1)).decode()
    assert read_question(event(body=body)).expected is None
    with pytest.raises(RefusedError, match="send a smaller version") as refusal:
        read_question(event(body=body, queryStringParameters={"expected_quantity": "3"}))
    assert refusal.value.status == 413


def test_the_largest_photo_with_a_quantity_fits_what_an_endpoint_takes() -> None:
    encoded = base64.b64encode(b"x" * LARGEST_WITH_QUANTITY_BYTES).decode()
    assert len(json.dumps({"image": encoded, "expected_quantity": 999_999})) <= LARGEST_PAYLOAD_BYTES


kinds = st.sampled_from([*IMAGE_TYPES, "image/jpeg; charset=binary", "IMAGE/PNG", "text/plain"]) | st.text(max_size=30)
headers = st.none() | st.fixed_dictionaries({}, optional={"content-type": kinds, "accept": st.text(max_size=30)})
queries = st.none() | st.fixed_dictionaries({}, optional={"expected_quantity": st.text("0123456789-٣ ", max_size=8)})
bodies = st.binary(max_size=50).map(lambda photo: base64.b64encode(photo).decode()) | st.text(max_size=50) | st.none()


@given(headers, queries, bodies, st.booleans(), st.sampled_from(["POST", "POST", "POST", "GET", "PUT"]))
def test_any_request_is_read_or_refused_with_a_reason(
    given_headers: Any, query: Any, body: str | None, encoded: bool, method: str
) -> None:
    asked = {"headers": given_headers, "queryStringParameters": query, "body": body, "isBase64Encoded": encoded}
    try:
        question: Question | None = read_question(event(requestContext={"http": {"method": method}}, **asked))
    except RefusedError as refusal:
        question, status, reason = None, refusal.status, str(refusal)
    if question is None:
        assert status in (400, 405, 413, 415)
        assert reason.endswith(".")
        assert len(reason) < 300
    else:
        assert question.photo == base64.b64decode(body or "")
        assert question.content_type in IMAGE_TYPES
        assert question.expected is None or 0 <= question.expected < 10**6

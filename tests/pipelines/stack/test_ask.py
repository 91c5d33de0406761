"""The asking function behind its HTTP API: real events, a real endpoint with a real model, real refusals."""

import base64
import io
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines.config import load_preset
from pipelines.stack.functions.question import LARGEST_PAYLOAD_BYTES
from pipelines.target import Target

ENDPOINT = "bin-counter-demo"
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def photo() -> bytes:
    pixels = np.random.default_rng(7).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def endpoint(target: Target, register_model: Callable[..., str]) -> str:
    """An endpoint in service, with a small model of random weights."""
    config, sagemaker = target.place(load_preset("demo")), target.sagemaker
    target.s3.create_bucket(Bucket=config.bucket)
    package = register_model(config, seed=1)
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    sagemaker.create_model(
        ModelName=ENDPOINT, PrimaryContainer={"ModelPackageName": package}, ExecutionRoleArn=config.role
    )
    variant: Any = {"VariantName": "all", "ModelName": ENDPOINT, "InstanceType": "ml.c7i.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=ENDPOINT, ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=ENDPOINT)
    deadline = time.monotonic() + 120
    while sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] != "InService":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return ENDPOINT


@pytest.fixture(scope="module")
def function(stack_function: Callable[..., str], endpoint: str) -> str:
    return stack_function("ask", f"{endpoint}-ask", ASK_ENDPOINT=endpoint)


def http_event(body: bytes, method: str = "POST", quantity: str | None = None, **headers: str) -> dict[str, Any]:
    """What an HTTP API sends a function, in payload format 2.0."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} /",
        "rawPath": "/",
        "rawQueryString": "" if quantity is None else f"expected_quantity={quantity}",
        "headers": {"content-type": "image/jpeg", **{name.replace("_", "-"): text for name, text in headers.items()}},
        "requestContext": {"http": {"method": method, "path": "/", "protocol": "HTTP/1.1"}},
        "isBase64Encoded": True,
    }
    if body:
        event["body"] = base64.b64encode(body).decode()
    if quantity is not None:
        event["queryStringParameters"] = {"expected_quantity": quantity}
    return event


def test_a_photo_is_answered_as_the_endpoint_answers_it_with_a_sentence(
    target: Target, function: str, call_function: Ask, photo: bytes
) -> None:
    runtime = target.client("sagemaker-runtime")
    told = runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=photo, ContentType="image/jpeg")
    expected = json.loads(told["Body"].read())
    response = call_function(function, http_event(photo, accept_language="de-DE,de;q=0.9"))
    assert response["statusCode"] == 200
    assert response["headers"]["content-type"] == "application/json"
    assert response["headers"]["content-language"] == "de"
    answer = json.loads(response["body"])
    assert "Gegenst" in answer["sentence"] or "leer" in answer["sentence"]
    assert {key: value for key, value in answer.items() if key != "sentence"} == expected


def test_a_quantity_is_set_beside_what_the_photo_shows(function: str, call_function: Ask, photo: bytes) -> None:
    answer = json.loads(call_function(function, http_event(photo, quantity="3"))["body"])
    assert answer["expected_quantity"] == 3
    assert answer["verdict"] in ("match", "mismatch", "unsure")
    assert "The records say" in answer["sentence"]


def test_who_asks_for_sound_hears_the_sentence(target: Target, function: str, call_function: Ask, photo: bytes) -> None:
    response = call_function(function, http_event(photo, accept="audio/mpeg", accept_language="fr"))
    assert (response["statusCode"], response["isBase64Encoded"]) == (200, True)
    assert response["headers"]["content-type"] == "audio/mpeg"
    assert response["headers"]["content-language"] == "fr"
    said = target.client("polly").synthesize_speech(Text="x", OutputFormat="mp3", VoiceId="Mathieu")
    assert base64.b64decode(response["body"]) == said["AudioStream"].read() != b""


def test_who_asks_for_sound_hears_a_refusal_too(function: str, call_function: Ask) -> None:
    response = call_function(function, http_event(b"no photo at all", accept="audio/mpeg"))
    assert (response["statusCode"], response["isBase64Encoded"]) == (400, True)
    assert response["headers"]["content-type"] == "audio/mpeg"
    assert base64.b64decode(response["body"])


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"body": b"no photo at all"}, 400, "image"),  # in the endpoint's words
        ({"method": "GET"}, 405, "Send a photo by POST."),
        ({"accept": "text/html"}, 406, "Answers are given as application/json or audio/mpeg"),
        ({"body": b"x" * (LARGEST_PAYLOAD_BYTES + 1)}, 413, "The photo has 4,000,001 bytes, more than the 4,000,000"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_answered_is_refused_in_a_sentence(
    function: str, call_function: Ask, photo: bytes, change: dict[str, Any], status: int, says: str
) -> None:
    response = call_function(function, http_event(**{"body": photo, **change}))
    assert response["statusCode"] == status
    assert says in json.loads(response["body"])["error"]


def test_a_missing_endpoint_is_told_as_such(
    stack_function: Callable[..., str], call_function: Ask, photo: bytes
) -> None:
    name = stack_function("ask", "early-ask", ASK_ENDPOINT="early")
    response = call_function(name, http_event(photo))
    assert response["statusCode"] == 503
    assert response["headers"]["retry-after"] == "5"
    assert "No model answers at early yet" in json.loads(response["body"])["error"]

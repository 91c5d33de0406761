"""What an endpoint or Polly that fails looks like from outside: real clients, and a server that fails as told."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pipelines.stack.functions.languages import ENGLISH
from pipelines.stack.functions.model import ask_model
from pipelines.stack.functions.question import Question
from pipelines.stack.functions.refusal import RefusedError
from pipelines.stack.functions.voice import speak

QUESTION = Question(photo=b"photo", content_type="image/jpeg", expected=None)


def client_of(service: str, url: str) -> Any:
    session: Any = boto3.Session(aws_access_key_id="any", aws_secret_access_key="any", region_name="us-east-1")
    once = Config(retries={"total_max_attempts": 1}, read_timeout=1, connect_timeout=1)
    return session.client(service, endpoint_url=url, config=once)


@contextmanager
def server(status: int, code: str, body: dict[str, Any], wait_seconds: float) -> Iterator[str]:
    """Answers every request alike."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(wait_seconds)
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("x-amzn-ErrorType", code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            with contextlib.suppress(BrokenPipeError):  # who asked has lost patience
                self.end_headers()
                self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


@pytest.fixture
def failing() -> Callable[..., Any]:
    """A server that answers every request with this error."""
    return lambda status, code, wait_seconds=0.0, **body: server(status, code, {"Message": "no", **body}, wait_seconds)


def model_error(status: int, told: str) -> dict[str, Any]:
    return {"OriginalStatusCode": status, "OriginalMessage": told}


@pytest.mark.parametrize(
    ("status", "code", "body", "expected", "says"),
    [
        (424, "ModelError", model_error(413, '{"error": "The body is too long."}'), 413, "The body is too long."),
        (424, "ModelError", model_error(400, "plain words"), 400, "plain words"),
        (424, "ModelError", model_error(400, ""), 400, "The model refuses this photo."),
        (424, "ModelError", model_error(503, '{"error": "Too many."}'), 503, "More photos wait for an answer"),
        (424, "ModelError", model_error(500, "secrets of the container"), 502, "The model failed at this photo."),
        (424, "ModelError", {}, 502, "The model failed at this photo."),
        (429, "ModelNotReadyException", {}, 503, "The model is busy or being started"),
        (400, "ThrottlingException", {}, 503, "The model is busy or being started"),
        (503, "ServiceUnavailable", {}, 503, "The model is busy or being started"),
        (400, "ValidationError", {"Message": "Endpoint x of account 1 not found."}, 503, "No model answers at x yet"),
    ],
)
def test_what_the_endpoint_fails_at_becomes_a_status_and_a_sentence(
    failing: Callable[..., Any], status: int, code: str, body: dict[str, Any], expected: int, says: str
) -> None:
    with failing(status, code, **body) as url, pytest.raises(RefusedError) as refusal:
        ask_model(client_of("sagemaker-runtime", url), "x", QUESTION)
    assert refusal.value.status == expected
    assert says in str(refusal.value)
    assert ("retry-after" in refusal.value.headers) == (expected == 503)


def test_an_endpoint_that_does_not_answer_in_time_is_told_as_such(failing: Callable[..., Any]) -> None:
    with failing(200, "", wait_seconds=3.0) as url, pytest.raises(RefusedError, match="did not answer in time") as late:
        ask_model(client_of("sagemaker-runtime", url), "x", QUESTION)
    assert late.value.status == 504


@pytest.fixture
def nowhere() -> str:
    """Where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_an_endpoint_that_cannot_be_reached_is_told_as_such(nowhere: str) -> None:
    with pytest.raises(RefusedError) as unreached:
        ask_model(client_of("sagemaker-runtime", nowhere), "x", QUESTION)
    assert unreached.value.status == 504


def test_a_missing_permission_is_an_error_of_the_function(failing: Callable[..., Any]) -> None:
    with failing(403, "AccessDeniedException") as url, pytest.raises(ClientError, match="AccessDenied"):
        ask_model(client_of("sagemaker-runtime", url), "x", QUESTION)


def test_a_voice_that_fails_leaves_the_answer_to_be_read(failing: Callable[..., Any], nowhere: str) -> None:
    with failing(500, "ServiceFailureException") as url:
        for place in (url, nowhere):
            with pytest.raises(RefusedError, match="ask for application/json") as silent:
                speak(client_of("polly", place), "Three items, quite sure.", ENGLISH)
            assert silent.value.status == 502

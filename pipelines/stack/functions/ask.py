"""An AWS Lambda function behind an HTTP API: POST a photo, and the endpoint's answer comes back, as JSON or spoken.

Its environment names the endpoint, ASK_ENDPOINT. Its role may InvokeEndpoint of that one and SynthesizeSpeech, which
takes no resource. It needs as long as the API waits, 30 s, of which the endpoint gets most.
"""

import base64
import json
import logging
import os
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

import boto3
from botocore.config import Config

from pipelines.stack.functions.languages import choose_language
from pipelines.stack.functions.model import ask_model
from pipelines.stack.functions.question import JSON_TYPE, SPEECH_TYPE, read_question
from pipelines.stack.functions.refusal import RefusedError
from pipelines.stack.functions.sentence import compose
from pipelines.stack.functions.voice import speak

VARIABLE = "ASK_ENDPOINT"
# An HTTP API waits 30 s at most; asking twice would take longer than that, so whoever asked decides about a second try.
PATIENCE = Config(connect_timeout=2, read_timeout=24, retries={"total_max_attempts": 1})

_log = logging.getLogger(__name__)


def handler(event: Mapping[str, Any], _: Any) -> dict[str, Any]:
    """Lambda calls this with an event of payload format 2.0.

    The answer is the endpoint's with a sentence beside it in the language of Accept-Language, or, where Accept asks for
    audio/mpeg, that sentence spoken.

    Raises:
        KeyError: ASK_ENDPOINT is not set.
        ClientError: what only an operator can put right; the API answers 500, and the function's errors are counted.
    """
    _log.setLevel(logging.INFO)
    try:
        response = _answer(event)
    except RefusedError as refusal:
        body = json.dumps({"error": str(refusal)})
        response = _response(refusal.status, JSON_TYPE, body, **refusal.headers)
    _log.info("answered %d", response["statusCode"])
    return response


def _answer(event: Mapping[str, Any]) -> dict[str, Any]:
    question = read_question(event)
    answer = ask_model(_client("sagemaker-runtime"), os.environ[VARIABLE], question)
    language = choose_language(event["headers"].get("accept-language", ""))
    sentence = compose(answer, language)
    told = {"content-language": language.code, "vary": "accept, accept-language"}
    if question.spoken:
        sound = base64.b64encode(speak(_client("polly"), sentence, language)).decode()
        return {**_response(HTTPStatus.OK, SPEECH_TYPE, sound, **told), "isBase64Encoded": True}
    return _response(HTTPStatus.OK, JSON_TYPE, json.dumps({**answer, "sentence": sentence}, ensure_ascii=False), **told)


def _response(status: int, content_type: str, body: str, **headers: str) -> dict[str, Any]:
    own = {"content-type": content_type, "cache-control": "no-store", "x-content-type-options": "nosniff"}
    return {"statusCode": int(status), "headers": {**own, **headers}, "body": body}


@cache
def _client(service: str) -> Any:
    """A client, which later calls of the same process use again."""
    session: Any = boto3.Session()
    return session.client(service, config=PATIENCE)

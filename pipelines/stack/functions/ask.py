"""An AWS Lambda function behind an HTTP API: POST a photo, and the endpoint's answer comes back, as JSON or spoken.

Its environment names the endpoint, ASK_ENDPOINT. Its role may InvokeEndpoint of that one and SynthesizeSpeech, which
takes no resource. It needs as long as the API waits, 30 s.
"""

import base64
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any, Self

import boto3
from botocore.config import Config

from pipelines.stack.functions.languages import ENGLISH, Language, choose_language
from pipelines.stack.functions.model import ask_model
from pipelines.stack.functions.question import JSON_TYPE, SPEECH_TYPE, choose_type, read_question
from pipelines.stack.functions.refusal import RefusedError
from pipelines.stack.functions.sentence import compose
from pipelines.stack.functions.voice import speak

VARIABLE = "ASK_ENDPOINT"
# An HTTP API waits 30 s at most: together these are less. Whoever asked decides about a second try.
CONNECT_SECONDS, MODEL_SECONDS, VOICE_SECONDS = 1, 20, 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    """What is said to a request, answered or refused.

    Attributes:
        status: of HTTP.
        content: as JSON.
        sentence: the same in words.
        language: of the sentence.
        headers: that belong to it.
    """

    status: int
    content: Mapping[str, Any]
    sentence: str
    language: Language
    headers: Mapping[str, str]

    @classmethod
    def of(cls, refusal: RefusedError) -> Self:
        """What is said where there is no answer."""
        return cls(refusal.status, {"error": str(refusal)}, str(refusal), ENGLISH, refusal.headers)


def handler(event: Mapping[str, Any], _: Any) -> dict[str, Any]:
    """Lambda calls this with an event of payload format 2.0.

    The reply is the endpoint's answer with a sentence beside it in the language of Accept-Language, or, where Accept
    asks for audio/mpeg, that sentence spoken. A refusal is spoken likewise: who listens does not read an error.

    Raises:
        KeyError: ASK_ENDPOINT is not set.
        ClientError: what only an operator can put right; the API answers 500, and the function's errors are counted.
    """
    _log.setLevel(logging.INFO)
    headers = event.get("headers") or {}
    try:
        kind = choose_type(headers.get("accept", ""))
    except RefusedError as refusal:
        return _written(Reply.of(refusal))
    try:
        reply = _answer(event, headers)
    except RefusedError as refusal:
        reply = Reply.of(refusal)
    _log.info("answers %d as %s", reply.status, kind)
    return _spoken(reply) if kind == SPEECH_TYPE else _written(reply)


def _answer(event: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
    answer = ask_model(_client("sagemaker-runtime", MODEL_SECONDS), os.environ[VARIABLE], read_question(event))
    language = choose_language(headers.get("accept-language", ""))
    sentence = compose(answer, language)
    return Reply(HTTPStatus.OK, {**answer, "sentence": sentence}, sentence, language, {})


def _spoken(reply: Reply) -> dict[str, Any]:
    try:
        sound = speak(_client("polly", VOICE_SECONDS), reply.sentence, reply.language)
    except RefusedError as silence:
        return _written(Reply.of(silence))
    return {**_response(reply, SPEECH_TYPE, base64.b64encode(sound).decode()), "isBase64Encoded": True}


def _written(reply: Reply) -> dict[str, Any]:
    return _response(reply, JSON_TYPE, json.dumps(reply.content, ensure_ascii=False))


def _response(reply: Reply, content_type: str, body: str) -> dict[str, Any]:
    headers = {
        "content-type": content_type,
        "content-language": reply.language.code,
        "vary": "accept, accept-language",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return {"statusCode": int(reply.status), "headers": {**headers, **reply.headers}, "body": body}


@cache
def _client(service: str, seconds: int) -> Any:
    """A client that waits so long for an answer; later calls of the same process use it again."""
    session: Any = boto3.Session()
    patience = Config(connect_timeout=CONNECT_SECONDS, read_timeout=seconds, retries={"total_max_attempts": 1})
    return session.client(service, config=patience)

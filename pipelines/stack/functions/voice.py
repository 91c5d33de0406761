"""Reads a sentence aloud, by Amazon Polly."""

import logging
from http import HTTPStatus
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.stack.functions.languages import Language
from pipelines.stack.functions.refusal import RefusedError

_log = logging.getLogger(__name__)


def speak(polly: Any, sentence: str, language: Language) -> bytes:
    """The sentence as MP3.

    Raises:
        RefusedError: Polly does not speak (502).
    """
    try:
        spoken = polly.synthesize_speech(Text=sentence, OutputFormat="mp3", VoiceId=language.voice)
        sound: bytes = spoken["AudioStream"].read()
    except (BotoCoreError, ClientError) as error:
        _log.error("Polly does not speak: %s", error)
        raise RefusedError(
            HTTPStatus.BAD_GATEWAY, "The answer cannot be read aloud at the moment: ask for application/json."
        ) from error
    return sound

"""Sends batches of records to a container and makes of its answers what is stored."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from http import HTTPStatus

from pipelines.local.aws import shorten
from pipelines.local.hosting.serving import Answer, InvocationError, ServingProcess
from pipelines.local.transforms.records import RecordError
from pipelines.local.transforms.request import Manner

_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_FIRST_PAUSE_SECONDS = 0.5  # before a request is sent again; doubled each time
_LONGEST_MESSAGE = 300


class Invocations:
    """Transforms batches by one container; may be used by several threads.

    Args:
        serving: the container.
        manner: how records are sent and answers stored.
        stopping: once it is set, nothing is sent again.
    """

    def __init__(self, serving: ServingProcess, manner: Manner, stopping: threading.Event) -> None:
        self._serving = serving
        self._manner = manner
        self._stopping = stopping

    def transform(self, records: Sequence[bytes]) -> bytes:
        """What is stored for a batch of records.

        Raises:
            RecordError: the container refuses it or does not answer, or the answer cannot be associated.
        """
        association = self._manner.association
        if association is not None:
            return association.associated(records, self._invoke(b"\n".join(association.filtered(records))))
        answer = self._invoke(b"\n".join(records))
        return answer + b"\n" if self._manner.assembles_lines and not answer.endswith(b"\n") else answer

    def _invoke(self, body: bytes) -> bytes:
        """The container's answer; a container that is busy is asked again."""
        for attempt in range(self._manner.retries + 1):
            try:
                answer = self._serving.invoke(body, self._manner.headers, self._manner.timeout_seconds)
            except InvocationError as error:
                failure = f"Unable to get response from algorithm: {error}"
                if not self._serving.alive:
                    break
            else:
                if answer.status == HTTPStatus.OK:
                    return answer.body
                failure = _describe(answer)
                if answer.status not in _BUSY:
                    break
            if self._stopping.wait(_FIRST_PAUSE_SECONDS * 2**attempt):
                break
        raise RecordError(failure)


def _describe(answer: Answer) -> str:
    """AWS's words for an answer other than 200, and the container's own."""
    message = shorten(" ".join(answer.body[: 4 * _LONGEST_MESSAGE].decode(errors="replace").split()), _LONGEST_MESSAGE)
    theirs = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    head = "ClientError:" if theirs else "Bad HTTP status received from algorithm:"
    return f"{head} {answer.status}" + (f". Message: {message}" if message else "")

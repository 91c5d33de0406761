"""The HTTP side of the endpoint: `GET /ping`, `POST /invocations`, and `GET /metrics` where it is switched on."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from steps.decoding import UnreadableImageError
from steps.serve.access import log_access
from steps.serve.answers import Answer, choose_type, make_answer, write_answers
from steps.serve.counter import Counter
from steps.serve.desk import Desk
from steps.serve.figures import Figures
from steps.serve.questions import LINES_TYPE, Question, RefusedError, read_questions
from steps.serve.settings import ServeSettings

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


class Endpoint:
    """Answers requests with one model.

    Args:
        counter: the model.
        settings: how requests are taken.
        workers: requests answered at once.
    """

    def __init__(self, counter: Counter, settings: ServeSettings, workers: int) -> None:
        self._counter = counter
        self._settings = settings
        self._desk = Desk(workers, settings.queue)
        self._figures = Figures(lambda: self._desk.taken)

    def application(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/ping", self._ping),
            Route("/invocations", self._invoke, methods=["POST"]),
        ]
        if self._settings.metrics:
            routes.append(Route("/metrics", self._metrics))
        return Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        self._desk.close()

    async def _ping(self, _: Request) -> Response:
        return Response(status_code=HTTPStatus.OK)  # the model was loaded and has answered before the port was opened

    async def _metrics(self, _: Request) -> Response:
        body, kind = self._figures.page()
        return Response(body, media_type=kind)

    async def _invoke(self, request: Request) -> Response:
        start = time.perf_counter()
        response = await self._respond(request)
        if ATTRIBUTES in request.headers:
            response.headers[ATTRIBUTES] = request.headers[ATTRIBUTES]
        seconds = time.perf_counter() - start
        self._figures.count(response.status_code, seconds)
        log_access(request, response, seconds)
        return response

    async def _respond(self, request: Request) -> Response:
        try:
            self._desk.enter()
            try:
                return await self._answer(request)
            finally:
                self._desk.leave()
        except RefusedError as error:
            headers = {"Retry-After": "1"} if error.status is HTTPStatus.SERVICE_UNAVAILABLE else None
            return JSONResponse({"error": str(error)}, error.status, headers)

    async def _answer(self, request: Request) -> Response:
        body = await self._body(request)
        kind = request.headers.get("Content-Type", "")
        questions = read_questions(kind, body, self._settings.most_images)
        several = kind.split(";")[0].strip().lower() == LINES_TYPE
        answer_type = choose_type(request.headers.get("Accept", ""), several)
        content = await self._desk.run(lambda: self._work(questions, answer_type))
        return Response(content, media_type=answer_type)

    def _work(self, questions: list[Question], answer_type: str) -> bytes:
        """Answer all questions, in one of the worker threads."""
        answers: list[Answer] = []
        for number, question in enumerate(questions, start=1):
            try:
                probabilities = self._counter.answer(question.photo)
            except UnreadableImageError as error:
                if self._settings.batch:
                    answers.append({"error": str(error)})
                    continue
                where = f"Image {number}: " if len(questions) > 1 else ""
                raise RefusedError(HTTPStatus.BAD_REQUEST, f"{where}{error}.") from error
            answers.append(make_answer(question, probabilities, self._counter.signature, self._settings))
        return write_answers(answers, answer_type)

    async def _body(self, request: Request) -> bytes:
        """The request's body, read no further than it may be long.

        Raises:
            RefusedError: it is too long (413), or does not come in time (408).
        """
        most = self._settings.largest_request_mb * 1_000_000
        declared = request.headers.get("Content-Length", "0")
        if declared.isdecimal() and int(declared) > most:
            raise _too_long(most)
        body = bytearray()
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > most:
                        raise _too_long(most)
        except (TimeoutError, ClientDisconnect):
            raise RefusedError(
                HTTPStatus.REQUEST_TIMEOUT, f"The body did not arrive within {self._settings.body_seconds:g} seconds."
            ) from None
        return bytes(body)


def _too_long(most: int) -> RefusedError:
    return RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is longer than {most:,} bytes.")

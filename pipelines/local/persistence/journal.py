"""A WSGI layer around moto: writes down each call that changed something, and repeats them all on start."""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from werkzeug import Response
from werkzeug.exceptions import ClientDisconnected

from pipelines.local.aws import Json
from pipelines.local.persistence.bodies import Bodies, Body
from pipelines.local.persistence.calls import changes, head, may_change, whole
from pipelines.local.persistence.compaction import superseded
from pipelines.local.persistence.determinism import install, repeatable, unnoticed
from pipelines.local.persistence.effects import Effect
from pipelines.local.persistence.services import effect
from pipelines.local.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_KIND = "aws-call"
_RESET = "/moto-api/reset"
# It is worth looking for superseded calls when there are this many, or this much in their bodies, and twice what the
# last look left.
_FEWEST = 1000
_LEAST_BYTES = 256 * 1024 * 1024
_LONGEST_FORM = 64 * 1024  # bytes of a form in which the action is looked for; botocore writes it first
_UPLOAD = re.compile(rb"<UploadId>([^<]{1,200})</UploadId>")

_log = logging.getLogger(__name__)


class Journal:
    """A WSGI application that answers with moto and survives a restart with what moto knows.

    A call that changes something is written down before its caller hears of its success. It runs alone, so that calls
    are written in the order in which they had their effect, and with a seed, so that repeating it makes the same
    identifiers; calls that only read are not held up.

    Args:
        moto: the application.
        store: keeps the calls.
        folder: keeps their long bodies.
    """

    def __init__(self, moto: WSGIApplication, store: Store, folder: Path) -> None:
        install()
        self._moto = moto
        self._store = store
        self._bodies = Bodies(folder)
        self._lock = threading.Lock()
        self._effects: dict[str, Effect] = {}  # by the calls' names, in their order
        self._sizes: dict[str, int] = {}  # of their bodies
        self._bytes = 0
        self._compact_at = (_FEWEST, _LEAST_BYTES)

    def restore(self) -> None:
        """Bring moto to the state in which the last server on this folder left it. Call it before serving."""
        self._forget_all_of_moto()
        documents = {document["Name"]: document for document in self._store.all(_KIND)}
        for document in documents.values():
            self._note(document, self._bodies.kept(document["Body"]))
        self._compact()
        self._bodies.clean(self._effects)
        with unnoticed():
            failed = sum(not self._repeat(documents[name]) for name in list(self._effects))
        if failed:
            _log.warning("%d of %d calls to AWS could not be repeated", failed, len(self._effects))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("PATH_INFO") == _RESET:
            with self._lock:
                self._forget()
        if not may_change(environ):
            return self._moto(environ, start_response)
        try:
            with self._received(environ) as body:
                response = self._perform(environ, body)
        except ClientDisconnected as gone:
            return gone.get_response(environ)(environ, start_response)
        return response(environ, start_response)

    def _perform(self, environ: WSGIEnvironment, body: Body) -> Response:
        with body.open() as content:
            form = content.read(_LONGEST_FORM)
        if not changes(environ, form):
            return self._answer(environ, body)
        with self._lock:
            return self._change(environ, body)

    @contextmanager
    def _received(self, environ: WSGIEnvironment) -> Iterator[Body]:
        body = self._bodies.receive(environ)
        try:
            yield body
        finally:
            self._bodies.discard(body)

    def _change(self, environ: WSGIEnvironment, body: Body) -> Response:
        """Have moto answer, and write the call down if it answers well."""
        moment, seed = time.time(), secrets.randbits(64)
        kept = head(environ)  # moto may change what it is given
        with repeatable(seed, moment):
            response = self._answer(environ, body)
        if response.status_code < HTTPStatus.BAD_REQUEST:
            begun = _UPLOAD.search(response.get_data()) if "uploads" in kept.get("QUERY_STRING", "") else None
            upload = begun[1].decode() if begun else ""
            self._write({"Time": moment, "Seed": seed, "Head": kept, "Upload": upload}, body)
        return response

    def _answer(self, environ: WSGIEnvironment, body: Body) -> Response:
        with body.open() as content:
            return Response.from_app(self._moto, whole(environ, content, body.length), buffered=True)

    def _write(self, document: Json, body: Body) -> None:
        name = uuid4().hex
        kept = self._bodies.keep(body, name)
        document = {"Name": name, **document, "Body": kept.document()}
        self._store.put(_KIND, name, document)
        self._note(document, kept)
        most, most_bytes = self._compact_at
        if len(self._effects) >= most or self._bytes >= most_bytes:
            self._compact()

    def _note(self, document: Json, body: Body) -> None:
        self._effects[document["Name"]] = effect(document["Head"], body, document["Upload"])
        self._sizes[document["Name"]] = body.length
        self._bytes += body.length

    def _repeat(self, document: Json) -> bool:
        """Make a kept call again; tells whether moto answers well."""
        body = self._bodies.kept(document["Body"])
        try:
            with repeatable(document["Seed"], document["Time"]):
                response = self._answer(document["Head"], body)
        except Exception:  # the others are still worth repeating
            _log.exception("%s %s could not be repeated", document["Head"]["REQUEST_METHOD"], _path(document))
            return False
        return response.status_code < HTTPStatus.BAD_REQUEST

    def _compact(self) -> None:
        """Drop the calls that leave no trace."""
        names = list(self._effects)
        for index in superseded(list(self._effects.values())):
            self._drop(names[index])
        self._compact_at = max(_FEWEST, 2 * len(self._effects)), max(_LEAST_BYTES, 2 * self._bytes)

    def _drop(self, name: str) -> None:
        self._store.remove(_KIND, name)
        self._bodies.remove(name)
        self._bytes -= self._sizes.pop(name)
        del self._effects[name]

    def _forget(self) -> None:
        for name in list(self._effects):
            self._drop(name)

    def _forget_all_of_moto(self) -> None:
        """Moto's state belongs to the process, and an earlier server of this process may have left some."""
        environ = {"REQUEST_METHOD": "POST", "PATH_INFO": _RESET, "HTTP_HOST": "localhost"}
        base = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}
        self._answer({**environ, **base}, Body(b"", None, 0))


def _path(document: Json) -> str:
    path: str = document["Head"].get("PATH_INFO", "")
    return path

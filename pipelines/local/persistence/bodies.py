"""The bodies of calls: short ones in memory, long ones in files, so that size is bounded by the disk alone."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import IO, TYPE_CHECKING

from werkzeug.wsgi import get_input_stream

from pipelines.local.aws import Json

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_SHORT = 4096  # bytes; kept within the call's own document
_PIECE = 1024 * 1024
_PART = ".part-"


@dataclass(frozen=True)
class Body:
    """What came with a call.

    Attributes:
        short: all of it, unless it is long.
        path: the file that holds it, if it is long.
        length: in bytes.
    """

    short: bytes
    path: Path | None
    length: int

    def open(self) -> IO[bytes]:
        """Read it from its beginning."""
        return io.BytesIO(self.short) if self.path is None else self.path.open("rb")

    def document(self) -> Json:
        """What is kept of it beside its file."""
        if self.path is not None:
            return {"File": self.path.name, "Length": self.length}
        return {"Text": self.short.decode("latin-1")}  # any bytes, one character each


class Bodies:
    """Receives and keeps bodies.

    Args:
        folder: of the long ones.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def receive(self, environ: WSGIEnvironment) -> Body:
        """Read a call's body to its end. One in a file has to be kept or discarded."""
        stream = get_input_stream(environ)
        begin = stream.read(_SHORT + 1)
        if len(begin) <= _SHORT:
            return Body(begin, None, len(begin))
        handle, name = mkstemp(prefix=_PART, dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(begin)
                while piece := stream.read(_PIECE):
                    file.write(piece)
                return Body(b"", Path(name), file.tell())
        except BaseException:
            Path(name).unlink()
            raise

    def keep(self, body: Body, name: str) -> Body:
        """Give a body its lasting name."""
        if body.path is None:
            return body
        return Body(b"", body.path.rename(self._folder / name), body.length)

    def discard(self, body: Body) -> None:
        """Forget a body that was not kept."""
        if body.path is not None and body.path.name.startswith(_PART):
            body.path.unlink(missing_ok=True)

    def kept(self, document: Json) -> Body:
        """The body of a document that `Body.document` wrote."""
        if "File" in document:
            return Body(b"", self._folder / document["File"], document["Length"])
        text = document["Text"].encode("latin-1")
        return Body(text, None, len(text))

    def remove(self, name: str) -> None:
        """Delete the body of this name; a short one has no file."""
        (self._folder / name).unlink(missing_ok=True)

    def clean(self, used: Iterable[str]) -> None:
        """Delete what no call needs: a server that was killed may leave some."""
        names = set(used)
        for path in self._folder.iterdir():
            if path.name not in names:
                path.unlink()

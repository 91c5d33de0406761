"""Moto as a WSGI application."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from pipelines.local import moto_buckets, moto_registry

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_CHECKSUM = "HTTP_X_AMZ_CHECKSUM_"
_ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


class MotoApplication(DomainDispatcherApplication):
    """Moto's own dispatcher, which remembers which service a host name belongs to.

    Moto lists the folder of its services for each request, twice: about a third of the time of a small object.
    """

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        moto_registry.install()
        moto_buckets.install()
        self.get_backend_for_host = functools.lru_cache(super().get_backend_for_host)  # type: ignore[method-assign]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        _name_the_checksum(environ)
        answer: Iterable[bytes] = super().__call__(environ, start_response)
        return answer


def _name_the_checksum(environ: WSGIEnvironment) -> None:
    """Moto keeps an object's checksum only where a second header names its algorithm; S3 needs the checksum alone."""
    for algorithm in _ALGORITHMS:
        if f"{_CHECKSUM}{algorithm}" in environ:
            environ.setdefault("HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM", algorithm)

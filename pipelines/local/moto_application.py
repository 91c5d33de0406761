"""Moto as a WSGI application."""

from __future__ import annotations

import functools

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from pipelines.local import moto_buckets, moto_registry


class MotoApplication(DomainDispatcherApplication):
    """Moto's own dispatcher, which remembers which service a host name belongs to.

    Moto lists the folder of its services for each request, twice: about a third of the time of a small object.
    """

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        moto_registry.install()
        moto_buckets.install()
        self.get_backend_for_host = functools.lru_cache(super().get_backend_for_host)  # type: ignore[method-assign]

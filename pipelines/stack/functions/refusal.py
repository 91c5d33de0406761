"""What is answered where there is no answer: a status of HTTP and a sentence for who asked."""

from http import HTTPStatus

RETRY_SECONDS = 5
"""After which a busy or waking endpoint is worth another try."""


class RefusedError(Exception):
    """A request that gets no answer.

    Attributes:
        status: of HTTP, 4xx or 5xx.
        headers: that belong to the refusal.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


def later(message: str) -> RefusedError:
    """What may work a little later (503)."""
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, message, {"retry-after": str(RETRY_SECONDS)})

"""What every request meets first: pages in a browser are kept out, and all clients are led into one region."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipelines.local.aws import REGION, shorten

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_FOREIGN = ("cross-site", "same-site")  # values of Sec-Fetch-Site: another page made the browser ask
_SCOPE = re.compile(r"(Credential=[^/,\s]+/\d{8}/)[^/,\s]+(/[^/,\s]+/aws4_request)")  # of Signature Version 4


def refusal(environ: WSGIEnvironment) -> str:
    """Why a request must not be answered, if it comes from a web page.

    Whoever can make requests can run programs, and any page that the user visits can make the user's browser send some
    to this machine. AWS's clients send no Origin; a page that reaches the server by a name of its own (DNS rebinding)
    shows that name as the Host.
    """
    if "HTTP_ORIGIN" in environ or environ.get("HTTP_SEC_FETCH_SITE") in _FOREIGN:
        return "The embedded SageMaker answers no web pages, for whoever can call it can run programs on this machine."
    host = environ.get("HTTP_HOST", "localhost")
    if _is_ours(host):
        return ""
    return f"'{shorten(host, 100)}' is no name of this server: use its IP address, or localhost."


def _is_ours(host: str) -> bool:
    """Whether a Host header names this machine. An address always does: rebinding needs a name."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:  # no host at all
        return False
    machine = socket.gethostname().lower()
    if name in ("localhost", machine, machine.partition(".")[0]) or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def in_our_region(environ: WSGIEnvironment) -> None:
    """Have a request ask for the one region that is served, whichever the client's is."""
    signed = environ.get("HTTP_AUTHORIZATION")
    if signed is not None:
        environ["HTTP_AUTHORIZATION"] = _SCOPE.sub(rf"\g<1>{REGION}\g<2>", signed)


def without_cors(start_response: StartResponse) -> StartResponse:
    """Begin an answer without the headers by which moto invites pages of every origin."""

    def start(
        status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        kept = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
        return start_response(status, kept, exc_info)

    return start

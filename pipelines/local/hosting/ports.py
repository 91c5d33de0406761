"""Ports of the loopback for servers that are told where to listen."""

from __future__ import annotations

import random
import socket

# Below the ports that Linux and macOS draw for outgoing connections, one of which could otherwise take a port in the
# moments before its server listens there.
_PORTS = range(20_000, 32_000)
_TRIES = 1000


def free_port() -> int:
    """A port on which nobody listens.

    Raises:
        RuntimeError: none was found.
    """
    for _ in range(_TRIES):
        port = random.choice(_PORTS)  # noqa: S311 - so that servers beside each other seldom try the same
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"No free port was found between {_PORTS.start} and {_PORTS.stop}.")

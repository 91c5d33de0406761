"""How findings name things."""

from collections.abc import Sequence

NAMED = 3
"""Most layers that a sentence names."""


def few(names: Sequence[str], of: int, what: str) -> str:
    """Say how many of how many, and the first names: `4 of 21 layers (conv1, layer1.0.conv1, layer1.0.conv2, ...)`."""
    shown = ", ".join(names[:NAMED])
    return f"{len(names)} of {of} {what} ({shown}{', ...' if len(names) > NAMED else ''})"

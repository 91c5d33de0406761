"""A moment up to which several things are waited for together."""

from __future__ import annotations

import time


class Deadline:
    """Ends waiting.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def remaining_seconds(self) -> float:
        """How long may be waited still, 0 where the time is over."""
        return max(0.0, self._end - time.monotonic())

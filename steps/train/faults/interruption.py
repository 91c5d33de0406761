"""SageMaker's wish that a training stops: SIGTERM, for a reclaimed spot instance, a time limit or StopTrainingJob."""

import signal
from types import FrameType, TracebackType
from typing import Any, Self

EXIT_CODE = 128 + signal.SIGTERM
"""What a stopped training ends with.

AWS documents the signal and the 120 seconds that follow it (API reference of StoppingCondition), and of exit codes only
that 0 is success: that would make a training cut off half-way pass for one that has come to its end.
"""


class Interruption:
    """Notes SIGTERM, while its block runs, for a loop that ends at a good moment by itself.

    Outside such a block SIGTERM ends the process at once, as the container contract arranges it.

    Attributes:
        wanted: whether the signal has come.
    """

    def __init__(self) -> None:
        self.wanted = False
        self._before: Any = None

    def __enter__(self) -> Self:
        """Take over SIGTERM; only the main thread may."""
        self._before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give SIGTERM back."""
        signal.signal(signal.SIGTERM, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - how Python calls a handler
        self.wanted = True

"""Split the time of a training step into its parts without slowing a GPU down."""

import time

import torch

MEASURED_EVERY = 20
"""On a GPU one step in so many is measured: that waits for the GPU, which otherwise has work queued ahead."""
FIRST_MEASURED = 10
"""The first of them: earlier ones of an epoch still wait for the feed to start, which tells nothing of the others."""


class Stopwatch:
    """Laps of one step after another.

    Attributes:
        measuring: whether the laps of this step are true: always on a CPU, now and then on a GPU.
    """

    def __init__(self, device: torch.device) -> None:
        """Start the first lap of the first step."""
        self._waits = device.type == "cuda"
        self._device = device
        self._steps = 0
        self.measuring = not self._waits
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap ended, with the device's work done where this step is measured."""
        if self._waits and self.measuring:
            torch.cuda.synchronize(self._device)
        before, self._last = self._last, time.perf_counter()
        return self._last - before

    def next_step(self) -> None:
        """Begin the first lap of the next step."""
        self._steps += 1
        self.measuring = not self._waits or self._steps % MEASURED_EVERY == FIRST_MEASURED
        self.lap()

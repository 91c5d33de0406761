"""The learning rate over the steps of a run."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Schedule:
    """A linear rise, then a cosine towards zero or a constant rate.

    Attributes:
        kind: how the rate goes on after the rise.
        steps: optimiser steps of the run.
        warm_up: share of the steps in which the rate rises.
    """

    kind: Literal["cosine", "constant"]
    steps: int
    warm_up: float

    def factor(self, step: int) -> float:
        """The share of the highest rate, above 0 and at most 1, for step `step`, counted from 0."""
        rising = round(self.warm_up * self.steps)
        if step < rising:
            return (step + 1) / rising
        if self.kind == "constant":
            return 1.0
        # The rise, where there is one, ends at 1, so the fall begins below it.
        done, falling = step - rising + (rising > 0), self.steps - rising + (rising > 0)
        return 0.5 * (1 + math.cos(math.pi * done / falling))

"""Remember a training run: every step's loss, and a close look at some steps."""

import torch
from torch import Tensor, nn

from steps.train.diagnostics.activations import ActivationProbe
from steps.train.diagnostics.history import EpochRecord, History, Seconds, StepRecord
from steps.train.diagnostics.machine import Machine
from steps.train.diagnostics.weights import read_weights
from steps.train.observer import StepFacts, StepSeconds
from steps.train.progress import EpochFigures

FIRST_LOOKS = 5
"""Steps at the start that are all looked at: what is wrong with a network often shows at once."""

EVERY = 10
"""Then one step in so many is looked at, and fewer as they become many.

A look costs 12 % of a step of ResNet-18 at 96 px and batches of 32, so looking costs 1.2 % of the time.
"""

MOST_LOOKS = 240
"""Looks that are kept; beyond that every second is dropped, and half as many steps are looked at."""


class Recorder:
    """Writes the history of a run.

    Attributes:
        history: what happened so far.
    """

    def __init__(self, model: nn.Module, device: torch.device, classes: int) -> None:
        """Prepare to record how `model` is trained on `device`."""
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
        self.history = History(classes, name)
        self._model = model
        self._probe = ActivationProbe(model)
        self._machine = Machine(device)
        self._every = EVERY
        self._steps = 0
        self._losses: list[Tensor] = []
        self._seconds: list[StepSeconds] = []
        self._last_step = 0

    def start(self) -> None:
        """Look at the next step; the network is left as it is until then, so that it can still be copied."""
        self._probe.attach()

    def add_step(self, facts: StepFacts) -> bool:
        """Remember a step; answers whether it was looked at closely."""
        self._steps += 1
        self._last_step = facts.step
        self._losses.append(facts.loss)
        if facts.seconds:
            self._seconds.append(facts.seconds)
        looking = self._is_due(self._steps)
        if looking:
            self._look(facts)
        if self._is_due(self._steps + 1):
            self._probe.attach()
        return looking

    def add_epoch(self, figures: EpochFigures) -> None:
        """Remember the end of an epoch."""
        self._settle_losses()
        self.history.epochs.append(EpochRecord(figures.epoch, self._last_step, dict(figures.metrics())))

    def close(self) -> None:
        """Leave the network as it was, and remember the losses of the last steps."""
        self._probe.detach()
        self._settle_losses()

    def _is_due(self, step: int) -> bool:
        return step <= FIRST_LOOKS or step % self._every == 0

    def _look(self, facts: StepFacts) -> None:
        self._settle_losses()
        weights, activations, machine = read_weights(self._model), self._probe.detach(), self._machine.look()
        self.history.steps.append(
            StepRecord(
                epoch=facts.epoch,
                step=facts.step,
                learning_rate=facts.learning_rate,
                gradient_norms=weights.gradient_norms,
                gradient_means=weights.gradient_means,
                weight_norms=weights.weight_norms,
                dead_shares=activations.dead_shares,
                input_variances=activations.input_variances,
                seconds=_mean(self._seconds),
                memory_gb=machine.memory_gb,
                gpu_memory_gb=machine.gpu_memory_gb,
                device_use=machine.device_use,
            )
        )
        self._seconds.clear()
        if len(self.history.steps) > MOST_LOOKS:
            self.history.steps[:] = self.history.steps[::2]
            self._every *= 2

    def _settle_losses(self) -> None:
        if self._losses:
            # One transfer for many steps: reading each loss would make a GPU wait at every step.
            self.history.losses.add(self._last_step, torch.stack(self._losses).tolist())
            self._losses.clear()


def _mean(seconds: list[StepSeconds]) -> Seconds | None:
    if not seconds:
        return None
    columns = zip(*((each.data, each.forward, each.backward, each.optimizer) for each in seconds), strict=True)
    return Seconds(*(sum(column) / len(seconds) for column in columns))

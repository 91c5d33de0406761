"""One step of the optimiser: random changes, network, loss, gradients, new weights."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from steps.train.device import Compute
from steps.train.feed import Batch
from steps.train.hosts.team import Team
from steps.train.observer import StepFacts, StepSeconds
from steps.train.recipe.augment import augment
from steps.train.recipe.mixup import mixup
from steps.train.recipe.optimizer import clip_gradients, set_rate
from steps.train.recipe.schedule import Schedule
from steps.train.recipe.targets import loss_against
from steps.train.settings import TrainSettings
from steps.train.state import State, seed_of
from steps.train.stopwatch import Stopwatch


class Learner:
    """Makes steps; all that it changes lies in `state`.

    Attributes:
        network: what is called with images; shares its weights with `state.model`, which it may wrap.
    """

    def __init__(
        self,
        settings: TrainSettings,
        state: State,
        network: nn.Module,
        schedule: Schedule,
        targets: Tensor,
        compute: Compute,
        team: Team,
    ) -> None:
        """Prepare to learn.

        Args:
            settings: the strengths of the ingredients.
            state: the run.
            network: `state.model`, or what wraps it.
            schedule: decides the learning rate of each step.
            targets: float32 [classes, classes], what is asked for by label, see `target_table`.
            compute: where it runs.
            team: which process this is; each draws other random changes.
        """
        self.network = network
        self._settings = settings
        self._state = state
        self._schedule = schedule
        self._targets = targets.to(compute.device)
        self._compute = compute
        self._team = team
        self._changes = torch.Generator(compute.device)
        self._blends = np.random.default_rng()

    def step(self, feed: Iterator[Batch], sizes: Sequence[int], watch: Stopwatch) -> StepFacts:
        """Learn from the next `len(sizes)` batches of `feed` as from one; the gradients are left for observers to see.

        Args:
            feed: the batches.
            sizes: images of each of them, of the whole team.
            watch: its first lap has begun.
        """
        state, data, forward, backward = self._state, 0.0, 0.0, 0.0
        state.optimizer.zero_grad(set_to_none=True)
        self._seed(state.step)
        losses = []
        for number, size in enumerate(sizes, start=1):
            batch = next(feed)
            data += watch.lap()
            with self._exchange(number == len(sizes)):
                loss = self._loss(batch) * (batch.weight * size / sum(sizes))
                forward += watch.lap()
                loss.backward()  # type: ignore[no-untyped-call]
            backward += watch.lap()
            losses.append(loss.detach())
        rate = self._settings.learning_rate * self._schedule.factor(state.step)
        set_rate(state.optimizer, rate)
        clip_gradients(state.model.parameters(), self._settings.gradient_clip)
        state.optimizer.step()
        state.step += 1
        state.average.update(state.step)
        seconds = StepSeconds(data, forward, backward, optimizer=watch.lap())
        loss = torch.stack(losses).sum()
        return StepFacts(state.epoch + 1, state.step, loss, rate, state.model, seconds if watch.measuring else None)

    def _seed(self, step: int) -> None:
        """Let the random draws of a step follow from the seed, the step and the process alone."""
        seed = seed_of(self._settings.seed, step, self._team.rank)
        torch.manual_seed(seed)  # dropout draws from PyTorch's own generator
        self._changes.manual_seed(seed)
        self._blends = np.random.default_rng(seed)

    def _exchange(self, last: bool) -> AbstractContextManager[None]:
        """A block in which the team's processes exchange gradients, sums of all batches of a step, only in its last."""
        if isinstance(self.network, DistributedDataParallel) and not last:
            return self.network.no_sync()
        return nullcontext()

    def _loss(self, batch: Batch) -> Tensor:
        images = augment(batch.images, self._settings, self._changes)
        images, targets = mixup(images, self._targets[batch.labels], self._settings.mixup, self._blends)
        with self._compute.autocast():
            logits = self.network(images)
        loss = loss_against(targets, logits)
        self._state.tally.add(loss, logits, batch.labels)
        return loss

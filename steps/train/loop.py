"""The training loop: epochs of learning, each followed by validation."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from steps.contract import StepError
from steps.shards import Shards
from steps.train.augment import augment
from steps.train.device import Compute
from steps.train.feed import Batch, batches
from steps.train.network import Classifier
from steps.train.observer import Observer, StepFacts, StepSeconds
from steps.train.progress import EpochFigures, Pace, say_figures
from steps.train.schedule import make_optimizer, rate_factor
from steps.train.settings import TrainSettings
from steps.train.state import State, epoch_seed
from steps.train.stopwatch import Stopwatch
from steps.train.tally import Scores, Tally

SMALLEST_BATCH = 2
"""Batch normalisation cannot learn from one image; the order changes, so no image is left out of every epoch."""


class Loop:
    """One training run.

    The weights of the last epoch are the result, not those of the epoch that did best: the learning rate has come down
    to nearly zero by then, picking among noisy epochs would flatter the validation figures, and the last metric line,
    which SageMaker keeps as the job's final figures, tells of the very model that is exported.

    Attributes:
        state: all that changes during the run; load it before `run` to go on with an interrupted run.
    """

    def __init__(
        self,
        settings: TrainSettings,
        model: Classifier,
        shards: Shards,
        compute: Compute,
        observers: Sequence[Observer] = (),
    ) -> None:
        """Prepare to train `model`, which lies on `compute`'s device, on `shards`."""
        if len(shards) < SMALLEST_BATCH:
            raise StepError(f"there is {len(shards)} training image: training needs at least {SMALLEST_BATCH}")
        self.state = State(model, make_optimizer(model, settings.learning_rate, settings.weight_decay))
        self._settings = settings
        self._shards = shards
        self._compute = compute
        self._observers = observers
        self._augmentation = torch.Generator(compute.device)
        full, rest = divmod(len(shards), settings.batch_size)
        self._steps = settings.epochs * (full + (rest >= SMALLEST_BATCH))

    def run(self, validation: Shards) -> Iterator[EpochFigures]:
        """Train epoch by epoch, writing and answering each one's figures.

        Between two epochs, while the caller holds the figures, `state` is whole: that is the place to write a
        checkpoint, and to end the run by asking for no more.

        Raises:
            StepError: the loss is no longer a number.
        """
        while self.state.epoch < self._settings.epochs:
            epoch = self.state.epoch + 1
            learnt, images_per_second = self._learn(epoch)
            validated = self._validate(validation)
            self._refuse_divergence(epoch, validated.loss, "validation")
            self.state.epoch = epoch
            figures = EpochFigures.of(epoch, learnt, images_per_second, validated)
            say_figures(self._settings.epochs, figures)
            for observer in self._observers:
                observer.on_epoch(figures)
            yield figures

    def _learn(self, epoch: int) -> tuple[Scores, float]:
        """Pass over the training images once; answers the scores as they were learnt, and the images per second."""
        seed = epoch_seed(self._settings.seed, epoch)
        torch.manual_seed(seed)  # for dropout
        self._augmentation.manual_seed(seed)
        order = np.random.default_rng(seed).permutation(len(self._shards))
        self.state.model.train()
        tally, pace, watch = Tally(self._compute.device), Pace(len(order)), Stopwatch(self._compute.device)
        for batch in batches(self._shards, order, self._settings.batch_size, self._compute.device, SMALLEST_BATCH):
            self._step(epoch, batch, tally, watch)
            pace.add(len(batch))
            if pace.is_due():
                self._refuse_divergence(epoch, tally.scores().loss, "training")
                pace.say(epoch, self._settings.epochs)
            watch.next_step()
        scores = tally.scores()  # waits for a GPU, so the pace is true
        self._refuse_divergence(epoch, scores.loss, "training")
        return scores, pace.images_per_second()

    def _step(self, epoch: int, batch: Batch, tally: Tally, watch: Stopwatch) -> None:
        data_seconds = watch.lap()
        optimizer, rate = self.state.optimizer, self._rate()
        with self._compute.autocast():
            logits = self.state.model(augment(batch.images, self._augmentation))
            loss: Tensor = cross_entropy(logits, batch.labels)
        forward_seconds = watch.lap()
        loss.backward()  # type: ignore[no-untyped-call]
        backward_seconds = watch.lap()
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        self.state.step += 1
        seconds = StepSeconds(data_seconds, forward_seconds, backward_seconds, watch.lap())
        tally.add(loss, logits, batch.labels)
        facts = StepFacts(
            epoch, self.state.step, loss.detach(), rate, self.state.model, seconds if watch.measuring else None
        )
        for observer in self._observers:
            observer.on_step(facts)
        optimizer.zero_grad(set_to_none=True)

    def _rate(self) -> float:
        return self._settings.learning_rate * rate_factor(self.state.step, self._steps)

    @torch.inference_mode()
    def _validate(self, shards: Shards) -> Scores:
        self.state.model.eval()
        tally = Tally(self._compute.device)
        for batch in batches(shards, np.arange(len(shards)), self._settings.batch_size, self._compute.device):
            with self._compute.autocast():
                logits = self.state.model(batch.images)
            tally.add(cross_entropy(logits, batch.labels), logits, batch.labels)
        return tally.scores()

    def _refuse_divergence(self, epoch: int, loss: float, kind: str) -> None:
        if not math.isfinite(loss):
            rate = self._settings.learning_rate
            raise StepError(
                f"the {kind} loss became {loss} in epoch {epoch} at learning_rate {rate:g}: "
                f"set a lower learning_rate, such as {rate / 10:g}"
            )

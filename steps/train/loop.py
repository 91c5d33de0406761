"""The training loop: epochs of learning, each followed by validation."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from steps.contract import StepError
from steps.metrics import accuracy, rmse
from steps.shards import Shards
from steps.train.augment import augment
from steps.train.device import Compute
from steps.train.feed import Batch, batches
from steps.train.network import Classifier
from steps.train.progress import EpochFigures, Pace, say_figures
from steps.train.schedule import make_optimizer, make_schedule
from steps.train.settings import TrainSettings

SMALLEST_BATCH = 2
"""Batch normalisation cannot learn from one image; the order changes, so no image is left out of every epoch."""


class Loop:
    """One training run.

    The weights of the last epoch are the result, not those of the epoch that did best: the learning rate has come down
    to nearly zero by then, picking among noisy epochs would flatter the validation figures, and the last metric line,
    which SageMaker keeps as the job's final figures, tells of the very model that is exported.
    """

    def __init__(self, settings: TrainSettings, model: Classifier, shards: Shards, compute: Compute) -> None:
        """Prepare to train `model`, which lies on `compute`'s device, on `shards`."""
        if len(shards) < SMALLEST_BATCH:
            raise StepError(f"there is {len(shards)} training image: training needs at least {SMALLEST_BATCH}")
        self._settings = settings
        self._model = model
        self._shards = shards
        self._compute = compute
        self._order = np.random.default_rng(settings.seed)
        self._augmentation = torch.Generator(compute.device).manual_seed(settings.seed)
        self._optimizer: AdamW = make_optimizer(model, settings.learning_rate, settings.weight_decay)
        full, rest = divmod(len(shards), settings.batch_size)
        steps = settings.epochs * (full + (rest >= SMALLEST_BATCH))
        self._schedule: LambdaLR = make_schedule(self._optimizer, steps)

    def run(self, validation: Shards) -> Iterator[EpochFigures]:
        """Train epoch by epoch, writing and answering each one's figures.

        Raises:
            StepError: the loss is no longer a number.
        """
        for epoch in range(1, self._settings.epochs + 1):
            train_loss, images_per_second = self._learn(epoch)
            validation_loss, answers = self._validate(validation)
            self._refuse_divergence(epoch, validation_loss, "validation")
            figures = EpochFigures(
                train_loss=train_loss,
                images_per_second=images_per_second,
                validation_loss=validation_loss,
                accuracy=accuracy(validation.labels, answers),
                rmse=rmse(validation.labels, answers),
            )
            say_figures(epoch, self._settings.epochs, figures)
            yield figures

    def _learn(self, epoch: int) -> tuple[float, float]:
        """Pass over the training images once; answers the mean loss and the images per second."""
        self._model.train()
        order = self._order.permutation(len(self._shards))
        loss = torch.zeros((), device=self._compute.device)
        pace = Pace(len(order))
        for batch in batches(self._shards, order, self._settings.batch_size, self._compute.device, SMALLEST_BATCH):
            loss += self._step(batch) * len(batch)
            pace.add(len(batch))
            if pace.is_due():
                self._refuse_divergence(epoch, loss.item(), "training")
                pace.say(epoch, self._settings.epochs)
        self._refuse_divergence(epoch, loss.item(), "training")  # .item() waits for a GPU, so the pace is true
        return loss.item() / pace.done, pace.images_per_second()

    def _step(self, batch: Batch) -> Tensor:
        with self._compute.autocast():
            loss = cross_entropy(self._model(augment(batch.images, self._augmentation)), batch.labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    @torch.inference_mode()
    def _validate(self, shards: Shards) -> tuple[float, NDArray[np.int64]]:
        """Mean loss over `shards`, and the answers int64 [N] in their order."""
        self._model.eval()
        loss = torch.zeros((), device=self._compute.device)
        answers = []
        for batch in batches(shards, np.arange(len(shards)), self._settings.batch_size, self._compute.device):
            with self._compute.autocast():
                logits = self._model(batch.images)
            loss += cross_entropy(logits, batch.labels, reduction="sum")
            answers.append(logits.argmax(dim=1))
        return loss.item() / len(shards), torch.cat(answers).cpu().numpy()

    def _refuse_divergence(self, epoch: int, loss: float, kind: str) -> None:
        if not math.isfinite(loss):
            rate = self._settings.learning_rate
            raise StepError(
                f"the {kind} loss became {loss} in epoch {epoch} at learning_rate {rate:g}: "
                f"set a lower learning_rate, such as {rate / 10:g}"
            )

"""The training loop: epochs of learning, each followed by validation."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from steps.contract import StepError
from steps.counting import are_counts
from steps.shards import Shards
from steps.train.device import Compute
from steps.train.faults.keeper import Keeper
from steps.train.feed import batch_sizes, batches
from steps.train.hosts.team import ALONE, Team
from steps.train.learner import Learner
from steps.train.networks.compilation import network_to_call
from steps.train.networks.network import Classifier
from steps.train.observer import Observer
from steps.train.progress import EpochFigures, Pace, say, say_figures
from steps.train.recipe.average import Average
from steps.train.recipe.optimizer import make_optimizer
from steps.train.recipe.sampler import draw_order
from steps.train.recipe.schedule import Schedule
from steps.train.recipe.stopping import EarlyStopping
from steps.train.recipe.targets import target_table
from steps.train.settings import TrainSettings
from steps.train.state import State, seed_of
from steps.train.stopwatch import Stopwatch
from steps.train.tally import Scores, Tally

SMALLEST_BATCH = 2
"""Batch normalisation cannot learn from one image; the order changes, so no image is left out of every epoch."""


class Loop:
    """One training run.

    Without early stopping the weights of the last epoch are the result, not those of the epoch that did best: under a
    falling learning rate the last are mostly the best, and picking among noisy epochs flatters the validation figures.
    The last metric line, which SageMaker keeps as the job's final figures, always tells of the model that is exported.

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
        keeper: Keeper | None = None,
        team: Team = ALONE,
    ) -> None:
        """Prepare to train `model`, which lies on `compute`'s device, on `shards`, together with `team`.

        What `observers` are told of a step is of the team's first process alone; of an epoch, of all.

        Raises:
            StepError: there are too few images, or a setting does not suit the classes.
        """
        smallest = SMALLEST_BATCH * team.size
        if len(shards) < smallest:
            raise StepError(f"{len(shards)} training images are too few: training needs at least {smallest}")
        self._settings = settings
        self._shards = shards
        self._compute = compute
        self._observers = observers if team.leads else ()
        self._keeper = keeper or Keeper()
        self._team = team
        self._counts = are_counts(shards.dataset.classes)
        sizes = batch_sizes(len(shards), settings.batch_size, smallest)
        starts = range(0, len(sizes), settings.accumulate)
        self._groups = [sizes[start : start + settings.accumulate] for start in starts]
        steps = settings.epochs * len(self._groups)
        self.state = State(
            model,
            make_optimizer(model, settings),
            Average(model, settings.averaging, steps),
            EarlyStopping(settings.patience, settings.objective),
            Tally(compute.device),
        )
        images, size = settings.epochs * len(shards), shards.dataset.size
        self._learner = Learner(
            settings,
            self.state,
            team.join(network_to_call(model, compute, images, settings.batch_size // team.size, size)),
            Schedule(settings.schedule, steps, settings.warm_up),
            self._targets(),
            compute,
            team,
        )
        self._keeper.restore(self.state)

    def run(self, validation: Shards) -> Iterator[EpochFigures]:
        """Train epoch by epoch, writing and answering each one's figures.

        Raises:
            StepError: the loss is no longer a number.
            SystemExit: the job is to stop, and its state is saved.
        """
        while self.state.epoch < self._settings.epochs and not self.state.stopping.is_over:
            epoch = self.state.epoch + 1
            learnt, images_per_second = self._learn(epoch)
            validated = self._validate(validation)
            self._refuse_divergence(epoch, validated.loss, "validation")
            self.state.epoch = epoch
            self.state.tally.clear()
            figures = EpochFigures.of(epoch, learnt, images_per_second, validated, self._counts)
            say_figures(self._settings.epochs, figures)
            self.state.stopping.look_at(figures, self.state.average.model)
            for observer in self._observers:
                observer.on_epoch(figures)
            self._keeper.after_epoch(self.state)
            yield figures

    def result(self) -> Classifier:
        """The model that training came to: the averaged one, with early stopping that of the best epoch."""
        model, stopping = self.state.average.model, self.state.stopping
        if stopping.best is not None and stopping.best.epoch < self.state.epoch:
            model.load_state_dict(stopping.weights)
            objective = self._settings.objective
            say(
                f"the result are the weights of epoch {stopping.best.epoch}, whose validation {objective} was the best:"
            )
            say_figures(self._settings.epochs, stopping.best)
        return model

    def _learn(self, epoch: int) -> tuple[Scores, float]:
        """Pass over the training images once; answers the scores as they were learnt, and the images per second."""
        settings, device, state = self._settings, self._compute.device, self.state
        order = draw_order(self._shards.labels, settings.sampler, seed_of(settings.seed, epoch))
        done = state.step - state.epoch * len(self._groups)  # before an interruption
        skipped = done * settings.accumulate
        feed = batches(self._shards, order, settings.batch_size, device, SMALLEST_BATCH, self._team, skipped)
        pace, watch = Pace(sum(map(sum, self._groups[done:]))), Stopwatch(device)
        self._learner.network.train()
        for sizes in self._groups[done:]:
            facts = self._learner.step(feed, sizes, watch)
            for observer in self._observers:
                observer.on_step(facts)
            pace.add(sum(sizes))
            if pace.is_due():
                self._refuse_divergence(epoch, state.tally.scores().loss, "training")
                pace.say(epoch, settings.epochs)
            self._keeper.after_step(state)
            watch.next_step()
        scores = state.tally.scores(self._team)  # waits for a GPU, so the pace is true
        self._refuse_divergence(epoch, scores.loss, "training")
        return scores, pace.images_per_second()

    @torch.inference_mode()
    def _validate(self, shards: Shards) -> Scores:
        model, batch_size, device = self.state.average.model.eval(), self._settings.batch_size, self._compute.device
        self._team.align(model)
        tally = Tally(device)
        for batch in batches(shards, np.arange(len(shards)), batch_size, device, team=self._team):
            if len(batch):
                with self._compute.autocast():
                    logits = model(batch.images)
                tally.add(cross_entropy(logits, batch.labels), logits, batch.labels)
            self._keeper.after_step(self.state)
        return tally.scores(self._team)

    def _targets(self) -> torch.Tensor:
        classes, settings = self._shards.dataset.classes, self._settings
        if settings.label_softness and not self._counts:
            raise StepError(
                f"label_softness is {settings.label_softness:g}, but the classes {', '.join(classes[:3])} ... are "
                "names, which have no order: set label_softness to 0, and label_smoothing instead if you like"
            )
        return target_table(
            torch.from_numpy(self._shards.labels),
            len(classes),
            settings.label_softness,
            settings.label_smoothing,
            settings.class_weights == "balanced",
        )

    def _refuse_divergence(self, epoch: int, loss: float, kind: str) -> None:
        if not math.isfinite(loss):
            rate = self._settings.learning_rate
            raise StepError(
                f"the {kind} loss became {loss} in epoch {epoch} at learning_rate {rate:g}: "
                f"set a lower learning_rate, such as {rate / 10:g}"
            )

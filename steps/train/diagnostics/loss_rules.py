"""Rules about the loss: it must come down, on validation images too, and training must end when it does no more.

Thresholds called AWS's are the documented defaults of the "Amazon SageMaker Debugger built-in rules" in the SageMaker
developer guide.
"""

from dataclasses import dataclass
from statistics import fmean, stdev

from steps.train.diagnostics.finding import Finding
from steps.train.diagnostics.history import EpochRecord, History
from steps.train.diagnostics.names import RuleName

TRAIN_LOSS, TRAIN_ACCURACY = "train:loss", "train:accuracy"
LOSS, ACCURACY = "validation:loss", "validation:accuracy"


@dataclass(frozen=True)
class LossNotDecreasing:
    """The training loss is where it was at the start.

    AWS's LossNotDecreasing compares two single steps, whose batches differ more than learning does; here the mean of
    the latest third of all steps is compared with that of the first third, and a small drop counts when it is more than
    chance. A run that has come down and then rests is none of this rule's: see `Overtraining`. Nor is one that goes on
    from a checkpoint: its loss may have come down before.

    Attributes:
        drop: least drop, as a share of the first third's loss: AWS's diff_percent of 0.1 %.
        errors: least drop in standard errors of the difference, unless it is as large as `plain`.
        plain: drop, as a share of the first third's loss, that needs no statistics.
        steps: points of the loss in a third before it is judged: AWS's num_steps.
        epochs: epochs before it is judged, so that both thirds are of all images and the learning rate has risen.
    """

    drop: float = 0.001
    errors: float = 2.0
    plain: float = 0.02
    steps: int = 10
    epochs: int = 3
    name: RuleName = "loss_not_decreasing"

    def judge(self, history: History) -> Finding | None:
        """Compare the first third with the last."""
        if not history.whole:
            return None
        losses = [point.loss for point in history.losses.points]
        third = len(losses) // 3
        if third < self.steps or len(history.epochs) < self.epochs:
            return None
        first, last = losses[:third], losses[-third:]
        error = ((stdev(first) ** 2 + stdev(last) ** 2) / third) ** 0.5
        before, after = fmean(first), fmean(last)
        if before - after > max(self.drop * before, min(self.errors * error, self.plain * before)):
            return None
        epoch, step = history.now()
        return Finding(
            rule=self.name,
            severity="critical",
            epoch=epoch,
            step=step,
            seen=f"the training loss was {before:.4g} in the first third of the steps and is {after:.4g} in the latest",
            advice="raise learning_rate if the gradients are healthy, lower it if the loss jumps about, and check that "
            "the labels belong to the images",
        )


@dataclass(frozen=True)
class Overfitting:
    """The network learns its training images by heart, and answers worse about others.

    AWS's Overfit asks only whether the validation loss is above the training loss, as it is for most networks that have
    learnt something. The harm begins when the validation loss rises, so that is asked as well.

    Attributes:
        loss_gap: validation loss above the training loss, as a share of it: AWS's ratio_threshold.
        accuracy_gap: training accuracy above validation accuracy that counts as well, because soft labels and mixed
            images keep a training loss up.
        rise: validation loss above its lowest, as a share of it.
        patience: epochs in a row; AWS asks for one, but one validation at a high learning rate says little.
    """

    loss_gap: float = 0.1
    accuracy_gap: float = 0.1
    rise: float = 0.05
    patience: int = 2
    name: RuleName = "overfitting"

    def judge(self, history: History) -> Finding | None:
        """Look at the last `patience` epochs."""
        epochs = history.epochs
        recent = epochs[-self.patience :]
        lowest = min(epochs, key=lambda record: record.figures[LOSS], default=None)
        if lowest is None or len(recent) < self.patience:
            return None
        limit = (1 + self.rise) * lowest.figures[LOSS]
        if not all(record.figures[LOSS] > limit and self._apart(record) for record in recent):
            return None
        last = recent[-1]
        return Finding(
            rule=self.name,
            severity="warning",
            epoch=last.epoch,
            step=last.step,
            seen=f"the validation loss has risen from {lowest.figures[LOSS]:.4g} in epoch {lowest.epoch} to "
            f"{last.figures[LOSS]:.4g}, while the training loss is {last.figures[TRAIN_LOSS]:.4g}",
            advice="train on more images, augment more strongly, raise weight_decay, choose a smaller network or train "
            "for fewer epochs",
        )

    def _apart(self, record: EpochRecord) -> bool:
        figures = record.figures
        return (
            figures[LOSS] > (1 + self.loss_gap) * figures[TRAIN_LOSS]
            or figures[TRAIN_ACCURACY] > figures[ACCURACY] + self.accuracy_gap
        )


@dataclass(frozen=True)
class Overtraining:
    """Validation has stopped getting better, and training goes on.

    Attributes:
        patience: epochs without progress. AWS's Overtraining waits for 5 training or 10 validation steps.
        delta: least progress: AWS's 0.01, as a share of the lowest validation loss so far, or in accuracy; a loss may
            stand still while more answers come right.
    """

    patience: int = 5
    delta: float = 0.01
    name: RuleName = "overtraining"

    def judge(self, history: History) -> Finding | None:
        """Look for the last epoch that made progress; a run that never made any is not trained too long."""
        epochs = history.epochs
        if not epochs:
            return None
        best = epochs[0]
        loss, accuracy = best.figures[LOSS], best.figures[ACCURACY]
        for record in epochs[1:]:
            if record.figures[LOSS] < (1 - self.delta) * loss or record.figures[ACCURACY] > accuracy + self.delta:
                best = record
                loss, accuracy = min(loss, record.figures[LOSS]), max(accuracy, record.figures[ACCURACY])
        last = epochs[-1]
        idle = last.epoch - best.epoch
        if best is epochs[0] or idle < self.patience:
            return None
        return Finding(
            rule=self.name,
            severity="advice",
            epoch=last.epoch,
            step=last.step,
            seen=f"validation has not got better for {idle} epochs: its loss is {last.figures[LOSS]:.4g} and was "
            f"{best.figures[LOSS]:.4g} in epoch {best.epoch}",
            advice=f"train for about {best.epoch} epochs, so that the learning rate has come down by then, or set "
            "patience",
        )

"""Rules about units: they must be alive, and begin with signals of like strength.

Thresholds called AWS's are the documented defaults of the "Amazon SageMaker Debugger built-in rules" in the SageMaker
developer guide.
"""

import math
from dataclasses import dataclass

from steps.train.diagnostics.finding import Finding
from steps.train.diagnostics.history import History
from steps.train.diagnostics.names import RuleName
from steps.train.diagnostics.wording import few

INACTIVE = 0.01
"""A unit active in a smaller share of images and positions is dead: AWS's threshold_inactivity of 1 %."""


@dataclass(frozen=True)
class DeadUnits:
    """Most units of a rectifier answer zero whatever they see, and so have no gradient to recover by.

    Attributes:
        share: share of dead units that condemns a layer: AWS's threshold_layer of 50 %.
        patience: records in a row that must say so.
    """

    share: float = 0.5
    patience: int = 2
    name: RuleName = "dead_units"

    def judge(self, history: History) -> Finding | None:
        """Look at the last `patience` records that saw activations."""
        recent = [record.dead_shares for record in history.steps if record.dead_shares][-self.patience :]
        if len(recent) < self.patience:
            return None
        last = recent[-1]
        dead = [name for name in last if all(shares.get(name, 0.0) > self.share for shares in recent)]
        if not dead:
            return None
        worst = max(dead, key=lambda name: last[name])
        epoch, step = history.now()
        return Finding(
            rule=self.name,
            severity="warning",
            epoch=epoch,
            step=step,
            layers=tuple(dead),
            seen=f"more than {self.share:.0%} of the units are dead in {few(dead, len(last), 'rectifiers')}, "
            f"{last[worst]:.0%} in {worst}",
            advice="a step was too large: lower learning_rate, or choose a network with normalisation",
        )


@dataclass(frozen=True)
class PoorInitialisation:
    """The network begins so that it can hardly learn: signals fade or swell from layer to layer, or answers are wild.

    Judged by the first step alone, whose loss and activations are those of the initial weights.

    Attributes:
        ratio: largest variance of an activation function's input as a multiple of the smallest. AWS's
            PoorWeightInitialization has 10, but blocks with shortcuts or with gates differ more: measured at 64 px,
            the initial weights of 14 of torchvision's networks give 2 (resnet18) to 510 (efficientnet_b0) and, without
            any normalisation, 1,150 (alexnet).
        surprise: first loss as a multiple of the logarithm of the number of classes, which is the loss of knowing
            nothing. AWS looks whether the loss falls in the first steps; that is `loss_not_decreasing` here.
    """

    ratio: float = 10_000.0
    surprise: float = 3.0
    name: RuleName = "poor_initialisation"

    def judge(self, history: History) -> Finding | None:
        """Look at the first record and the first loss."""
        if not history.whole:
            return None
        first = history.steps[0]
        variances, loss, chance = first.input_variances, history.losses.points[0].loss, math.log(history.classes)
        low = min(variances, key=variances.__getitem__, default="")
        high = max(variances, key=variances.__getitem__, default="")
        layers: tuple[str, ...] = ()
        if variances and not variances[high] <= self.ratio * variances[low]:
            layers = (low, high)
            seen = f"the signal's variance is {variances[low]:.2g} in {low} and {variances[high]:.2g} in {high}"
        elif loss > self.surprise * chance:
            seen = f"the first loss is {loss:.3g}, where knowing nothing costs {chance:.3g}"
        elif variances and variances[high] == 0:
            seen = "no activation function is given any signal, so that all answers are alike"
        else:
            return None
        return Finding(
            rule=self.name,
            severity="warning",
            epoch=first.epoch,
            step=first.step,
            layers=layers,
            seen=f"with the initial weights, {seen}",
            advice="start from weights made for this network: its own random ones, or trained ones",
        )

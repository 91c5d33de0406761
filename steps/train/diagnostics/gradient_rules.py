"""Rules about gradients: they must neither die away nor run away.

Thresholds called AWS's are the documented defaults of the "Amazon SageMaker Debugger built-in rules" in the SageMaker
developer guide.
"""

import math
from dataclasses import dataclass
from statistics import median

from steps.train.diagnostics.finding import Finding
from steps.train.diagnostics.history import History, StepRecord
from steps.train.diagnostics.names import RuleName
from steps.train.diagnostics.wording import few


@dataclass(frozen=True)
class VanishingGradients:
    """A layer gets next to no gradient.

    Attributes:
        threshold: mean absolute gradient below which it has vanished: that of AWS's VanishingGradient.
        patience: records in a row; AWS asks for one, but a layer behind a branch that starts at zero has none at first.
        learnt: a run whose loss has come below this share of its first loss has nothing left to learn; AWS makes no
            such exception, and accuses a network that knows its training images by heart.
    """

    threshold: float = 1e-7
    patience: int = 3
    learnt: float = 0.01
    name: RuleName = "vanishing_gradients"

    def judge(self, history: History) -> Finding | None:
        """Look at the last `patience` records."""
        recent = history.steps[-self.patience :]
        losses = history.losses.points
        if len(recent) < self.patience or (losses and losses[-1].loss < self.learnt * losses[0].loss):
            return None
        layers = [name for name in recent[-1].gradient_means if all(self._vanished(record, name) for record in recent)]
        if not layers:
            return None
        means = recent[-1].gradient_means
        lowest = min(layers, key=lambda name: means[name])
        epoch, step = history.now()
        return Finding(
            rule=self.name,
            severity="critical",
            epoch=epoch,
            step=step,
            layers=tuple(layers),
            seen=f"the mean absolute gradient of {few(layers, len(means), 'layers')} is below {self.threshold:g}, "
            f"{means[lowest]:.1e} in {lowest}",
            advice="these layers do not learn: choose a network with normalisation and shortcuts, such as resnet18, "
            "start from trained weights, or raise learning_rate if their weights have decayed",
        )

    def _vanished(self, record: StepRecord, layer: str) -> bool:
        return record.gradient_means.get(layer, math.inf) < self.threshold


@dataclass(frozen=True)
class ExplodingGradients:
    """A gradient or the loss is no number any more, or gradients have grown out of all proportion.

    Attributes:
        growth: norm of all gradients, as a multiple of its median so far, that is out of all proportion. AWS's
            ExplodingTensor waits for infinity or NaN, when the run is lost. Gradients mostly shrink in learning:
            a healthy run of the baseline network never had more than 1.3 times the median.
        earlier: records whose median is meaningful.
    """

    growth: float = 100.0
    earlier: int = 5
    name: RuleName = "exploding_gradients"

    def judge(self, history: History) -> Finding | None:
        """Look at the last record and the latest loss."""
        losses = history.losses.points
        record = history.steps[-1] if history.steps else None
        lost = [name for name, norm in record.gradient_norms.items() if not math.isfinite(norm)] if record else []
        if record and lost:
            return self._found(
                history,
                lost,
                f"the gradient of {few(lost, len(record.gradient_norms), 'layers')} is infinite or not a number",
            )
        if losses and not math.isfinite(losses[-1].loss):
            return self._found(history, [], f"the loss became {losses[-1].loss}")
        return self._judge_growth(history)

    def _judge_growth(self, history: History) -> Finding | None:
        *earlier, last = [overall_norm(record) for record in history.steps] or [0.0]
        if len(earlier) < self.earlier or not (usual := median(earlier)):
            return None
        if last <= self.growth * usual:
            return None
        norms = history.steps[-1].gradient_norms
        largest = sorted(norms, key=lambda name: -norms[name])[:3]
        return self._found(
            history, largest, f"the norm of all gradients is {last:.3g}, {last / usual:,.0f} times its median"
        )

    def _found(self, history: History, layers: list[str], seen: str) -> Finding:
        epoch, step = history.now()
        return Finding(
            rule=self.name,
            severity="critical",
            epoch=epoch,
            step=step,
            layers=tuple(layers),
            seen=seen,
            advice="set a learning_rate a tenth as high",
        )


def overall_norm(record: StepRecord) -> float:
    """L2 norm of the gradients of all layers together."""
    return math.hypot(*record.gradient_norms.values())

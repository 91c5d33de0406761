"""End training when it no longer gets better, and keep the best weights.

Prechelt, "Early Stopping, But When?", 1998.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from torch import Tensor, nn

from steps.train.progress import EpochFigures


@dataclass
class EarlyStopping:
    """The memory of early stopping.

    Attributes:
        patience: epochs without improvement that are borne; 0 never ends training and keeps nothing.
        objective: what is to improve on the validation images; among equals the lower loss is better.
        best: figures of the best epoch so far.
        weights: the model's state after that epoch.
        epoch: the last epoch that was looked at.
    """

    patience: int
    objective: Literal["accuracy", "rmse"]
    best: EpochFigures | None = None
    weights: dict[str, Tensor] = field(default_factory=dict)
    epoch: int = 0

    @property
    def is_over(self) -> bool:
        """Whether patience has run out."""
        return bool(self.patience) and self.best is not None and self.epoch - self.best.epoch >= self.patience

    def look_at(self, figures: EpochFigures, model: nn.Module) -> None:
        """Keep a copy of `model`'s weights if `figures` are the best so far."""
        if not self.patience:
            return
        self.epoch = figures.epoch
        if self.best is None or self._badness(figures) < self._badness(self.best):
            self.best = figures
            self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def _badness(self, figures: EpochFigures) -> tuple[float, float]:
        if self.objective == "rmse" and figures.validation_rmse is not None:
            return figures.validation_rmse, figures.validation_loss
        return 1 - figures.validation_accuracy, figures.validation_loss

    def state_dict(self) -> dict[str, Any]:
        """The memory as dicts of tensors and numbers."""
        best = None if self.best is None else asdict(self.best)
        return {"best": best, "weights": self.weights, "epoch": self.epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` answered."""
        self.best = None if state["best"] is None else EpochFigures(**state["best"])
        self.weights = dict(state["weights"])
        self.epoch = state["epoch"]

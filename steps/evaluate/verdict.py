"""Say whether a model meets what the gate asks for."""

from dataclasses import dataclass
from typing import Literal

from steps.evaluate.results import Evaluation
from steps.evaluate.settings import EvaluateArguments


@dataclass(frozen=True)
class Criterion:
    """One thing that the gate asks for.

    Attributes:
        kind: the figure: accuracy is a share, rmse is in items, champion is 1 or 0.
        asked: the least accuracy, the largest rmse, or 1.
        reached: the model's.
        met: whether that is enough.
    """

    kind: Literal["accuracy", "rmse", "champion"]
    asked: float
    reached: float
    met: bool


def judge(settings: EvaluateArguments, evaluation: Evaluation) -> list[Criterion]:
    """Compare the figures, as the gate reads them, with what it asks for; nothing when it was not told."""
    criteria = []
    if settings.minimum_accuracy is not None:
        reached = evaluation.multiclass_classification_metrics.accuracy.value
        asked = settings.minimum_accuracy
        criteria.append(Criterion("accuracy", asked, reached, reached >= asked))
    if settings.maximum_rmse is not None and evaluation.regression_metrics:
        reached = evaluation.regression_metrics.rmse.value
        criteria.append(Criterion("rmse", settings.maximum_rmse, reached, reached <= settings.maximum_rmse))
    if settings.champion_required:
        reached = evaluation.detail.champion.not_worse
        criteria.append(Criterion("champion", 1.0, reached, reached >= 1))
    return criteria

"""What a model is shown side by side with: the champion, not looking, and published figures."""

from dataclasses import dataclass

from steps.evaluate.reference import Reference, references_for
from steps.evaluate.results import Evaluation


@dataclass(frozen=True)
class Contender:
    """A row of the comparison.

    Attributes:
        name: who.
        accuracy: 0 to 1; None where it is not known.
        rmse: items; None where it is not known, or means nothing.
        interval: lower and upper end of the accuracy.
        ours: whether it is the model this report is about.
        elsewhere: whether it was measured on other images.
    """

    name: str
    accuracy: float | None
    rmse: float | None
    interval: tuple[float, float] | None = None
    ours: bool = False
    elsewhere: bool = False


def contenders(evaluation: Evaluation) -> list[Contender]:
    """This model first, then those on the same images, then those elsewhere."""
    detail = evaluation.detail
    baseline, champion = detail.baseline, detail.champion
    ours = Contender(
        "This model",
        detail.accuracy.value,
        detail.counting.rmse.value if detail.counting else None,
        (detail.accuracy.low, detail.accuracy.high),
        ours=True,
    )
    guess = Contender(
        f"Always answering {baseline.commonest}, the commonest",
        baseline.accuracy,
        baseline.counting.rmse if baseline.counting else None,
    )
    approved = Contender(f"Latest approved model, version {champion.version}", champion.accuracy, champion.rmse)
    published = [_published(reference) for reference in references_for(detail.model.classes)]
    return [ours, *([approved] if champion.accuracy is not None else []), guess, *published]


def _published(reference: Reference) -> Contender:
    spread = None
    if reference.accuracy is not None and reference.accuracy_from is not None:
        spread = (reference.accuracy_from, reference.accuracy)
    return Contender(reference.name, reference.accuracy, reference.rmse, spread, elsewhere=True)

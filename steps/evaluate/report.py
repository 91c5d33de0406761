"""Write the report a person reads: one HTML file that needs nothing else."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from steps import metrics
from steps.evaluate.plots import distribution_chart, reliability_chart
from steps.evaluate.reference import Reference, reference_for
from steps.evaluate.results import Evaluation
from steps.evaluate.scoring import Answers
from steps.metrics import Labels
from steps.page import render_page
from steps.pictures import photo
from steps.shards import Shards

TEMPLATE = Path(__file__).with_name("report.html")


@dataclass(frozen=True)
class Contender:
    """A row of the comparison; `rmse` in items, `accuracy` 0 to 1."""

    name: str
    accuracy: float
    rmse: float
    ours: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix; `share` of its row's images, 0 to 1."""

    images: int
    share: float


@dataclass(frozen=True)
class Miss:
    """A wrong answer, with its photo as a data URI."""

    photo: str
    id: str
    expected: str
    answered: str
    confidence: float


def write_report(file: Path, evaluation: Evaluation, shards: Shards, answers: Answers, gallery: int) -> None:
    """Write the report to `file`.

    Args:
        file: where to write.
        evaluation: the figures.
        shards: the N images that were scored.
        answers: what the model said about each.
        gallery: most misses to show.
    """
    classes = shards.dataset.classes
    reference = reference_for(classes)
    page = render_page(
        TEMPLATE,
        evaluation=evaluation,
        reference=reference,
        contenders=_contenders(evaluation, reference),
        rows=list(zip(classes, _confusion(shards.labels, answers.predictions, len(classes)), strict=True)),
        distribution=distribution_chart(shards.labels, answers.predictions, classes),
        reliability=reliability_chart(shards.labels == answers.predictions, answers.confidence),
        misses=_worst_misses(shards, answers, gallery),
        wrong=int((shards.labels != answers.predictions).sum()),
    )
    file.write_text(page, encoding="utf-8")


def _contenders(evaluation: Evaluation, reference: Reference | None) -> list[Contender]:
    baseline = evaluation.counting.baseline
    contenders = [
        Contender(
            "This model",
            evaluation.multiclass_classification_metrics.accuracy.value,
            evaluation.regression_metrics.rmse.value,
            ours=True,
        ),
        Contender(f"Always answering {baseline.commonest}, the commonest count", baseline.accuracy, baseline.rmse),
    ]
    if reference:
        contenders.append(Contender(reference.name, reference.accuracy, reference.rmse))
    return contenders


def _confusion(labels: Labels, predictions: Labels, classes: int) -> list[list[Cell]]:
    matrix = metrics.confusion_matrix(labels, predictions, classes)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return [
        [Cell(images, share) for images, share in zip(*row, strict=True)]
        for row in zip(matrix.tolist(), shares.tolist(), strict=True)
    ]


def _worst_misses(shards: Shards, answers: Answers, most: int) -> list[Miss]:
    """The answers furthest off; of those equally far, the ones the model was surest of."""
    errors = np.abs(shards.labels - answers.predictions)
    worst = np.lexsort((-answers.confidence, -errors))[:most]
    worst = worst[errors[worst] > 0]
    classes = shards.dataset.classes
    return [
        Miss(
            photo=photo(pixels),
            id=str(shards.ids[index]),
            expected=classes[shards.labels[index]],
            answered=classes[answers.predictions[index]],
            confidence=float(answers.confidence[index]),
        )
        for index, pixels in zip(worst, shards.images(worst), strict=True)
    ]

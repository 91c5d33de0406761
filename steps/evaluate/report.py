"""Write the report a person reads: one HTML file that needs nothing else."""

from pathlib import Path

import numpy as np

from steps.evaluate.confidence import coverage_curve
from steps.evaluate.confusion import confusion_rows, most_confused
from steps.evaluate.contenders import contenders
from steps.evaluate.gallery import least_confident, worst_misses
from steps.evaluate.plots import coverage_chart, distribution_chart, reliability_chart
from steps.evaluate.reference import references_for
from steps.evaluate.results import ClassResult, Evaluation
from steps.evaluate.settings import EvaluateArguments
from steps.evaluate.verdict import judge
from steps.page import render_page
from steps.scoring import Answers
from steps.shards import Shards

TEMPLATE = Path(__file__).with_name("report.html")
MOST_PAIRS = 15


def write_report(
    file: Path, settings: EvaluateArguments, evaluation: Evaluation, shards: Shards, answers: Answers
) -> None:
    """Write the report to `file`.

    Args:
        file: where to write.
        settings: what the gate asks for, and how many images to show.
        evaluation: the figures.
        shards: the N images that were scored.
        answers: what the model said about each.
    """
    classes = shards.dataset.classes
    right = shards.labels == answers.predictions
    page = render_page(
        TEMPLATE,
        evaluation=evaluation,
        settings=settings,
        criteria=judge(settings, evaluation),
        contenders=contenders(evaluation),
        published=next((found for found in references_for(classes) if found.per_class), None),
        classes=_hardest_first(evaluation),
        rows=confusion_rows(shards.labels, answers.predictions, classes),
        pairs=most_confused(shards.labels, answers.predictions, classes, MOST_PAIRS),
        distribution=distribution_chart(shards.labels, answers.predictions, classes)
        if evaluation.detail.counting
        else None,
        reliability=reliability_chart(evaluation.detail.calibration),
        coverage=coverage_chart(coverage_curve(right, answers.confidence), evaluation.detail.baseline.accuracy),
        misses=worst_misses(shards, answers, settings.gallery),
        unsure=least_confident(shards, answers, settings.gallery),
        wrong=int(np.count_nonzero(~right)),
    )
    file.write_text(page, encoding="utf-8")


def _hardest_first(evaluation: Evaluation) -> list[ClassResult]:
    """Counts in their order; named classes by accuracy, those without images last."""
    rows = evaluation.detail.per_class
    if evaluation.detail.counting:
        return list(rows)
    return sorted(rows, key=lambda row: (row.accuracy is None, row.accuracy.value if row.accuracy else 0, row.name))

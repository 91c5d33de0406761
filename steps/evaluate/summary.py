"""Compute the figures of evaluation.json from the answers to the test images."""

import math
from dataclasses import dataclass

import numpy as np

from steps import metrics
from steps.counting import are_counts
from steps.decision import expected_values
from steps.evaluate.bootstrap import ClusterBootstrap, Values, interval
from steps.evaluate.confidence import calibration, coverage_points
from steps.evaluate.results import (
    Baseline,
    Champion,
    ClassificationMetrics,
    ClassResult,
    CountingBaseline,
    CountingFigures,
    Detail,
    Estimate,
    Evaluation,
    Metric,
    NamingFigures,
    Provenance,
    RegressionMetrics,
)
from steps.metrics import Labels
from steps.network import PRECISION
from steps.scoring import Answers
from steps.signature import Signature

TOP = 5


@dataclass(frozen=True)
class Scored:
    """Answers to N test images, with what they are judged by.

    Attributes:
        labels: int64 [N], N > 0, true class indices.
        answers: what the model said.
        signature: of the model.
        bootstrap: of the images' groups.
        level: share of resamples that an interval spans.
    """

    labels: Labels
    answers: Answers
    signature: Signature
    bootstrap: ClusterBootstrap
    level: float

    @property
    def counts(self) -> bool:
        """Whether the classes are counts."""
        return are_counts(self.signature.classes)

    @property
    def squares(self) -> Values:
        """Squared error of each answer, float64 [N], items squared."""
        errors = (self.labels - self.answers.predictions).astype(np.float64)
        return errors * errors

    def estimate(self, value: float, resampled: Values) -> Estimate:
        """A figure, with the interval of what it is on resamples."""
        low, high = interval(resampled, self.level)
        return Estimate(value=value, low=low, high=high)


def summarise(scored: Scored, champion: Champion) -> Evaluation:
    """Compute all figures of a model; `champion` is how it stands against the champion."""
    labels, predictions = scored.labels, scored.answers.predictions
    right = labels == predictions
    accuracy = metrics.accuracy(labels, predictions)
    return Evaluation(
        multiclass_classification_metrics=ClassificationMetrics(
            accuracy=Metric(value=accuracy, standard_deviation=metrics.accuracy_standard_error(labels, predictions)),
            confusion_matrix=_confusion(labels, predictions, scored.signature.classes),
        ),
        regression_metrics=_regression(labels, predictions) if scored.counts else None,
        detail=Detail(
            images=len(labels),
            groups=scored.bootstrap.groups,
            level=scored.level,
            accuracy=scored.estimate(accuracy, *scored.bootstrap.means(right)),
            counting=_counting(scored) if scored.counts else None,
            naming=None if scored.counts else _naming(scored),
            per_class=_per_class(scored),
            baseline=_baseline(labels, scored.signature.classes, scored.counts),
            calibration=calibration(right, scored.answers.confidence),
            coverage=coverage_points(right, scored.answers.confidence, scored.squares if scored.counts else None),
            champion=champion,
            model=_provenance(scored.signature),
        ),
    )


def _confusion(labels: Labels, predictions: Labels, classes: tuple[str, ...]) -> dict[str, dict[str, int]]:
    rows = metrics.confusion_matrix(labels, predictions, len(classes)).tolist()
    return {name: dict(zip(classes, row, strict=True)) for name, row in zip(classes, rows, strict=True)}


def _regression(labels: Labels, predictions: Labels) -> RegressionMetrics:
    return RegressionMetrics(
        rmse=Metric(
            value=metrics.rmse(labels, predictions),
            standard_deviation=metrics.rmse_standard_error(labels, predictions),
        ),
        mae=Metric(
            value=metrics.mean_absolute_error(labels, predictions),
            standard_deviation=metrics.mean_absolute_error_standard_error(labels, predictions),
        ),
    )


def _counting(scored: Scored) -> CountingFigures:
    labels, predictions = scored.labels, scored.answers.predictions
    distance = np.abs(labels - predictions)
    expected = (expected_values(scored.answers.probabilities) - labels) ** 2
    squares, distances, near, expected_squares = scored.bootstrap.means(
        scored.squares, distance, distance <= 1, expected
    )
    return CountingFigures(
        rmse=scored.estimate(metrics.rmse(labels, predictions), np.sqrt(squares)),
        mae=scored.estimate(metrics.mean_absolute_error(labels, predictions), distances),
        within_one=scored.estimate(metrics.within_one(labels, predictions), near),
        expected_rmse=scored.estimate(math.sqrt(expected.mean()), np.sqrt(expected_squares)),
    )


def _naming(scored: Scored) -> NamingFigures:
    labels, predictions = scored.labels, scored.answers.predictions
    classes, totals = len(scored.signature.classes), scored.bootstrap.class_totals
    hits = metrics.top_hits(labels, scored.answers.probabilities, TOP)
    matrix = metrics.confusion_matrix(labels, predictions, classes).astype(np.float64)
    value = metrics.macro_f1(matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0))
    resampled = metrics.macro_f1(
        totals(labels, classes, labels == predictions), totals(labels, classes), totals(predictions, classes)
    )
    return NamingFigures(
        top_5=scored.estimate(float(hits.mean()), *scored.bootstrap.means(hits)),
        macro_f1=scored.estimate(float(value), resampled),
    )


def _per_class(scored: Scored) -> tuple[ClassResult, ...]:
    labels, predictions, classes = scored.labels, scored.answers.predictions, scored.signature.classes
    scores = metrics.class_scores(labels, predictions, len(classes))
    images = scored.bootstrap.class_totals(labels, len(classes))
    right = scored.bootstrap.class_totals(labels, len(classes), labels == predictions)
    resampled = np.divide(right, images, out=np.full_like(images, np.nan), where=images > 0)
    return tuple(
        ClassResult(
            name=name,
            images=score.images,
            answers=score.answers,
            accuracy=scored.estimate(score.accuracy, resampled[:, index]) if score.images else None,
            precision=score.precision if score.answers else None,
            rmse=score.rmse if scored.counts and score.images else None,
            mae=score.mae if scored.counts and score.images else None,
        )
        for index, (name, score) in enumerate(zip(classes, scores, strict=True))
    )


def _baseline(labels: Labels, classes: tuple[str, ...], counts: bool) -> Baseline:
    commonest = int(np.argmax(np.bincount(labels)))
    always = np.full_like(labels, commonest)
    return Baseline(
        commonest=classes[commonest],
        accuracy=metrics.accuracy(labels, always),
        counting=_counting_baseline(labels, always, classes) if counts else None,
    )


def _counting_baseline(labels: Labels, always: Labels, classes: tuple[str, ...]) -> CountingBaseline:
    errors = [metrics.rmse(labels, np.full_like(labels, index)) for index in range(len(classes))]
    best = int(np.argmin(errors))
    return CountingBaseline(
        rmse=metrics.rmse(labels, always),
        within_one=metrics.within_one(labels, always),
        best_constant=classes[best],
        best_constant_rmse=errors[best],
    )


def _provenance(signature: Signature) -> Provenance:
    return Provenance(
        architecture=signature.architecture,
        training_job=signature.training_job,
        classes=signature.classes,
        precision=PRECISION,
        **signature.preprocessing.model_dump(),
        **signature.decision.model_dump(),
    )

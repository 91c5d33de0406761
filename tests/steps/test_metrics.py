"""The figures a model is judged by."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, top_k_accuracy_score

from steps import metrics

CLASSES = 4
PAIRS = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=60)
EMPTY = np.zeros(0, dtype=np.int64)


def _arrays(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    labels, predictions = np.array(pairs, dtype=np.int64).T
    return labels, predictions


@given(PAIRS)
def test_figures_equal_their_definitions_written_out(pairs):
    labels, predictions = _arrays(pairs)
    errors = [answered - true for true, answered in pairs]
    count = len(pairs)
    assert metrics.accuracy(labels, predictions) == pytest.approx(sum(e == 0 for e in errors) / count)
    assert metrics.within_one(labels, predictions) == pytest.approx(sum(abs(e) <= 1 for e in errors) / count)
    assert metrics.mean_absolute_error(labels, predictions) == pytest.approx(sum(map(abs, errors)) / count)
    assert metrics.rmse(labels, predictions) == pytest.approx(math.sqrt(sum(e * e for e in errors) / count))


@given(PAIRS)
def test_confusion_matrix_counts_every_image_once_in_the_cell_of_its_label_and_answer(pairs):
    matrix = metrics.confusion_matrix(*_arrays(pairs), CLASSES)
    assert matrix.shape == (CLASSES, CLASSES)
    assert all(
        matrix[true, answered] == pairs.count((true, answered))
        for true in range(CLASSES)
        for answered in range(CLASSES)
    )


@given(PAIRS)
def test_class_scores_weighted_by_images_give_the_scores_of_all(pairs):
    labels, predictions = _arrays(pairs)
    scores = [score for score in metrics.class_scores(labels, predictions, CLASSES) if score.images]
    count = len(pairs)
    assert sum(score.images for score in scores) == count
    assert sum(s.images * s.accuracy for s in scores) / count == pytest.approx(metrics.accuracy(labels, predictions))
    assert sum(s.images * s.mae for s in scores) / count == pytest.approx(
        metrics.mean_absolute_error(labels, predictions)
    )
    assert sum(s.images * s.rmse**2 for s in scores) / count == pytest.approx(metrics.rmse(labels, predictions) ** 2)


def test_a_class_without_images_has_no_score():
    score = metrics.class_scores(np.array([0, 1]), np.array([0, 1]), 3)[2]
    assert score.images == 0
    assert all(math.isnan(value) for value in (score.accuracy, score.rmse, score.mae))


@given(PAIRS)
def test_class_scores_count_answers_and_tell_how_far_they_can_be_trusted(pairs):
    labels, predictions = _arrays(pairs)
    for index, score in enumerate(metrics.class_scores(labels, predictions, CLASSES)):
        answered = [true for true, given in pairs if given == index]
        assert score.answers == len(answered)
        if answered:
            assert score.precision == pytest.approx(answered.count(index) / len(answered))


@given(PAIRS)
def test_macro_f1_is_that_of_scikit_learn(pairs):
    labels, predictions = _arrays(pairs)
    matrix = metrics.confusion_matrix(labels, predictions, CLASSES).astype(float)
    found = metrics.macro_f1(matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0))
    assert found == pytest.approx(f1_score(labels, predictions, average="macro"))


@given(st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_top_hits_are_those_of_scikit_learn(most, seed):
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(7), 30).astype(np.float32)
    labels = generator.integers(0, 7, 30)
    expected = 1.0 if most == 7 else top_k_accuracy_score(labels, probabilities, k=most, labels=range(7))
    assert metrics.top_hits(labels, probabilities, most).mean() == pytest.approx(expected)


@pytest.mark.parametrize(
    "figure",
    [
        metrics.accuracy,
        metrics.rmse,
        metrics.mean_absolute_error,
        metrics.within_one,
        metrics.accuracy_standard_error,
        metrics.rmse_standard_error,
        metrics.mean_absolute_error_standard_error,
    ],
)
def test_no_image_has_no_figure(figure):
    assert math.isnan(figure(EMPTY, EMPTY))


@pytest.mark.parametrize(
    ("figure", "standard_error"),
    [
        (metrics.accuracy, metrics.accuracy_standard_error),
        (metrics.rmse, metrics.rmse_standard_error),
        (metrics.mean_absolute_error, metrics.mean_absolute_error_standard_error),
    ],
)
def test_standard_errors_agree_with_the_spread_over_resampled_test_sets(figure, standard_error):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 6, 500)
    predictions = np.clip(labels + generator.integers(-2, 3, 500), 0, 5)
    rows = generator.integers(0, 500, (3000, 500))
    resampled = [figure(labels[row], predictions[row]) for row in rows]
    assert standard_error(labels, predictions) == pytest.approx(np.std(resampled), rel=0.06)


def test_a_model_without_error_has_no_standard_error():
    labels = np.array([0, 1, 2])
    assert metrics.accuracy_standard_error(labels, labels) == 0
    assert metrics.rmse_standard_error(labels, labels) == 0
    assert metrics.mean_absolute_error_standard_error(labels, labels) == 0

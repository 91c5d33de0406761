"""Whether a model knows when it is right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.evaluate.confidence import BINS, calibration, coverage_curve, coverage_points

ANSWERS = st.lists(st.tuples(st.booleans(), st.floats(0.0625, 1, width=32)), min_size=1, max_size=80)


def arrays(rows):
    right, confidence = zip(*rows, strict=True)
    return np.array(right), np.array(confidence, dtype=np.float32)


@given(ANSWERS)
def test_calibration_error_is_its_definition_written_out(rows):
    """Guo et al. 2017, equation 3: bins ((m - 1) / M, m / M]."""
    expected = 0.0
    for number in range(BINS):
        inside = [(r, c) for r, c in rows if number / BINS < float(c) <= (number + 1) / BINS]
        if inside:
            gap = abs(np.mean([r for r, _ in inside]) - np.mean([c for _, c in inside]))
            expected += len(inside) / len(rows) * gap
    found = calibration(*arrays(rows))
    assert found.error == pytest.approx(expected, abs=1e-5)
    assert sum(each.images for each in found.bins) == len(rows)


def test_a_model_that_is_right_as_often_as_it_says_is_calibrated():
    confidence = np.repeat(np.float32([0.25, 0.5, 0.75]), 400)
    right = np.concatenate([np.arange(400) < 400 * share for share in (0.25, 0.5, 0.75)])
    assert calibration(right, confidence).error == pytest.approx(0, abs=1e-6)
    assert calibration(right, np.ones(1200, np.float32)).error == pytest.approx(0.5)


@given(ANSWERS)
def test_at_full_coverage_all_answers_are_given(rows):
    right, confidence = arrays(rows)
    whole = coverage_points(right, confidence, None)[0]
    assert (whole.coverage, whole.images) == (1, len(rows))
    assert whole.accuracy == pytest.approx(right.mean())
    assert whole.least_confidence == pytest.approx(confidence.min())


def test_a_model_that_knows_its_errors_is_always_right_once_it_may_leave_them_out():
    right = np.arange(100) >= 30
    confidence = np.linspace(0.2, 1, 100, dtype=np.float32)
    squares = np.where(right, 0.0, 4.0)
    points = {point.coverage: point for point in coverage_points(right, confidence, squares)}
    assert points[0.7].accuracy == 1
    assert points[0.7].rmse == 0
    assert points[0.8].accuracy == pytest.approx(70 / 80)
    assert points[1.0].rmse == pytest.approx(np.sqrt(0.3 * 4))
    assert points[0.7].least_confidence == pytest.approx(confidence[30])


@given(ANSWERS)
def test_the_curve_passes_through_the_points_of_the_table(rows):
    right, confidence = arrays(rows)
    curve = coverage_curve(right, confidence)
    for point in coverage_points(right, confidence, None):
        assert curve[point.images - 1] == pytest.approx(point.accuracy)

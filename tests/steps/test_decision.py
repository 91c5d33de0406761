"""How logits become answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydantic import ValidationError

from steps.decision import Decision, expected_values

LOGITS = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 5), st.integers(2, 7)), elements=st.floats(-1e4, 1e4, width=32)
)
TEMPERATURES = st.floats(0.01, 100)


@given(logits=LOGITS, temperature=TEMPERATURES)
def test_probabilities_add_up_to_one_for_any_logits(logits, temperature):
    probabilities = Decision(temperature=temperature).probabilities(logits)
    assert probabilities.dtype == np.float32
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@given(logits=LOGITS, temperature=TEMPERATURES)
def test_a_temperature_changes_how_sure_an_answer_is_not_the_answer(logits, temperature):
    logits[:, 0] = logits.max(axis=1) + 1
    decision = Decision(temperature=temperature)
    assert (decision.decide(decision.probabilities(logits)) == 0).all()


@given(logits=LOGITS)
def test_both_views_count_alike(logits):
    decision = Decision(mirrored=True)
    forth, back = decision.probabilities(logits, logits[:, ::-1]), decision.probabilities(logits[:, ::-1], logits)
    np.testing.assert_array_equal(forth, back)
    np.testing.assert_array_equal(decision.probabilities(logits, logits), Decision().probabilities(logits))


def test_a_higher_temperature_is_less_sure():
    logits = np.log(np.array([[0.8, 0.2]], dtype=np.float32))
    np.testing.assert_allclose(Decision().probabilities(logits), [[0.8, 0.2]], rtol=1e-6)
    # softmax(logits / 2) = sqrt(p) / sum(sqrt(p)), and sqrt(0.8) is twice sqrt(0.2).
    np.testing.assert_allclose(Decision(temperature=2).probabilities(logits), [[2 / 3, 1 / 3]], rtol=1e-6)


@pytest.mark.parametrize(
    ("rule", "answers"),
    [("likeliest", [0, 0, 3]), ("median", [1, 0, 2]), ("expectation", [1, 2, 2])],
)
def test_each_rule_answers_what_it_is_named_after(rule, answers):
    probabilities = np.array([[0.4, 0.3, 0.3, 0], [0.5, 0, 0, 0.5], [0.2, 0.1, 0.3, 0.4]], dtype=np.float32)
    assert Decision(rule=rule).decide(probabilities).tolist() == answers
    assert Decision(rule=rule).decide(probabilities).dtype == np.int64


def test_the_expected_value_is_the_mean_index():
    probabilities = np.array([[0.25, 0.25, 0.5], [0, 1, 0]], dtype=np.float32)
    np.testing.assert_allclose(expected_values(probabilities), [1.25, 1])


@given(logits=LOGITS)
def test_no_rule_answers_outside_the_classes(logits):
    for rule in ("likeliest", "median", "expectation"):
        decision = Decision(rule=rule)
        answers = decision.decide(decision.probabilities(logits))
        assert (answers >= 0).all()
        assert (answers < logits.shape[1]).all()


@pytest.mark.parametrize(("mirrored", "views"), [(True, 1), (False, 2)])
def test_a_view_too_few_or_too_many_is_refused(mirrored, views):
    logits = [np.zeros((1, 2), dtype=np.float32)] * views
    with pytest.raises(ValueError, match=f"takes logits of {1 + mirrored} views"):
        Decision(mirrored=mirrored).probabilities(*logits)


@pytest.mark.parametrize("temperature", [0, -1, float("inf"), float("nan")])
def test_a_temperature_that_is_no_positive_number_is_refused(temperature):
    with pytest.raises(ValidationError):
        Decision(temperature=temperature)

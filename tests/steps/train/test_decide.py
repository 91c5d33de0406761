"""The decision is calibrated and serves its objective on the validation images."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from steps.contract import StepError
from steps.decision import Decision
from steps.metrics import accuracy, rmse
from steps.shards import Shards
from steps.train.answering.answers import logits_of_views
from steps.train.answering.decide import fit_decision
from steps.train.answering.temperature import HIGHEST, LOWEST, fit_temperature, negative_log_likelihood
from steps.train.settings import TrainSettings

COUNTS = ("0", "1", "2", "3")
FOR_ACCURACY = TrainSettings(objective="accuracy")
FOR_RMSE = TrainSettings(objective="rmse")


def drawn(images, temperature, seed=0):
    """Logits, and labels drawn with the probabilities that the logits have at `temperature`."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (images, len(COUNTS))).astype(np.float32)
    probabilities = Decision(temperature=temperature).probabilities(logits).astype(np.float64)
    ends = np.cumsum(probabilities / probabilities.sum(axis=1, keepdims=True), axis=1)
    labels = np.argmax(random.random((images, 1)) < ends, axis=1)
    return logits, labels


@pytest.mark.parametrize("temperature", [0.5, 1, 2.5])
def test_the_temperature_that_the_labels_were_drawn_with_is_found(temperature):
    logits, labels = drawn(20_000, temperature)
    assert fit_temperature([logits], labels) == pytest.approx(temperature, rel=0.05)


LOGITS = arrays.arrays(
    np.float32, st.tuples(st.just(2), st.integers(1, 6), st.just(4)), elements=st.floats(-50, 50, width=32)
)


@given(views=LOGITS, data=st.data())
def test_no_temperature_within_bounds_is_much_better_than_the_one_found(views, data):
    labels = np.array(data.draw(st.lists(st.integers(0, 3), min_size=views.shape[1], max_size=views.shape[1])))
    found = fit_temperature(views, labels)
    assert LOWEST <= found <= HIGHEST
    least = min(negative_log_likelihood(views, labels, each) for each in np.geomspace(LOWEST, HIGHEST, 41))
    assert negative_log_likelihood(views, labels, found) <= least + 1e-9 + 1e-6 * abs(least)


@given(views=LOGITS, temperature=st.floats(LOWEST, HIGHEST))
def test_the_likelihood_is_that_of_the_probabilities_the_model_will_answer(views, temperature):
    labels = np.arange(views.shape[1]) % 4
    probabilities = Decision(temperature=temperature, mirrored=True).probabilities(*views)
    answered = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    loss = negative_log_likelihood(views, labels, temperature)
    if answered.min() > 1e-30:  # smaller ones are rounded in float32
        assert loss == pytest.approx(-np.log(answered).mean(), rel=1e-4, abs=1e-5)
    assert math.isfinite(loss)


def test_a_network_without_mistakes_gets_the_lowest_temperature():
    logits = np.eye(4, dtype=np.float32)
    decision = fit_decision(logits, None, np.arange(4), COUNTS, FOR_ACCURACY)
    assert decision.temperature == pytest.approx(LOWEST, rel=1e-3)
    assert (decision.mirrored, decision.rule) == (False, "likeliest")


def test_for_rmse_the_rule_of_least_rmse_is_chosen_and_said(capsys):
    probabilities = np.array([[0.46, 0.05, 0.05, 0.44]] * 9, dtype=np.float32)
    labels = np.array([0, 0, 0, 0, 0, 3, 3, 3, 3])  # always answering 1 has an RMSE of 1.53, 0 of 2, 2 of 1.63
    decision = fit_decision(np.log(probabilities), None, labels, COUNTS, FOR_RMSE)
    answers = decision.decide(decision.probabilities(np.log(probabilities)))
    rules = [decision.model_copy(update={"rule": rule}) for rule in ("likeliest", "median", "expectation")]
    errors = [rmse(labels, rule.decide(decision.probabilities(np.log(probabilities)))) for rule in rules]
    assert decision.rule != "likeliest"
    assert rmse(labels, answers) == min(errors)
    log = capsys.readouterr().out
    assert "one view, likeliest: accuracy 0.5556, RMSE 2.0000" in log
    assert f"the model answers the {decision.rule}, for the objective rmse" in log


@given(seed=st.integers(0, 1000))
def test_no_rule_errs_less_than_the_one_chosen_for_rmse(seed):
    logits, labels = drawn(50, 2, seed)
    decision = fit_decision(logits, logits[:, ::-1], labels, COUNTS, FOR_RMSE)
    probabilities = decision.probabilities(logits, logits[:, ::-1])
    chosen = rmse(labels, decision.decide(probabilities))
    for rule in ("likeliest", "median", "expectation"):
        assert chosen <= rmse(labels, decision.model_copy(update={"rule": rule}).decide(probabilities))


def test_both_views_are_calibrated_together():
    logits, labels = drawn(5_000, 1)
    noise = np.random.default_rng(1).normal(0, 2, (2, *logits.shape)).astype(np.float32)
    decision = fit_decision(logits + noise[0], logits + noise[1], labels, COUNTS, FOR_ACCURACY)
    assert decision.mirrored
    both = decision.decide(decision.probabilities(logits + noise[0], logits + noise[1]))
    assert accuracy(labels, both) > accuracy(labels, np.argmax(logits + noise[0], axis=1))


def test_named_classes_have_an_accuracy_but_no_rmse(capsys):
    logits, labels = drawn(100, 1)
    names = ("beagle", "boxer", "collie", "pug")
    assert fit_decision(logits, None, labels, names, FOR_ACCURACY).rule == "likeliest"
    assert "RMSE" not in capsys.readouterr().out
    with pytest.raises(StepError, match=r"beagle, boxer, collie, \.\.\. are no counts.*set objective to 'accuracy'"):
        fit_decision(logits, None, labels, names, FOR_RMSE)


class Precise(torch.nn.Module):
    """Answers whether convolutions may be computed in TF32 on a GPU."""

    def forward(self, images):
        return torch.full((len(images), 1), float(torch.backends.cudnn.allow_tf32))


def test_logits_that_decide_are_computed_in_float32_and_the_setting_is_restored(shards):
    before = torch.backends.cudnn.allow_tf32
    (logits,) = logits_of_views(Precise(), Shards(shards / "validation"), 20, torch.device("cpu"), [False])
    assert not logits.any()
    assert torch.backends.cudnn.allow_tf32 == before is True

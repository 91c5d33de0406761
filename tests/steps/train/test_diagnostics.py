"""What is recorded of a training run is true, bounded, leaves the run as it was, and can be read by people."""

import json
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

from steps.contract import StepError, read_settings
from steps.shards import Shards
from steps.train.device import Compute
from steps.train.diagnostics.activations import ActivationProbe
from steps.train.diagnostics.diagnosis import Diagnosis, diagnose
from steps.train.diagnostics.finding import Finding
from steps.train.diagnostics.history import MOST_LOSSES, EpochRecord, History, Losses, StepRecord
from steps.train.diagnostics.loss_rules import LossNotDecreasing
from steps.train.diagnostics.recorder import MOST_LOOKS
from steps.train.diagnostics.report import rules_without_facts, write_diagnosis
from steps.train.diagnostics.watch import Watch, reported
from steps.train.diagnostics.weights import read_weights
from steps.train.loop import Loop
from steps.train.networks.network import Classifier
from steps.train.observer import StepFacts
from steps.train.settings import TrainSettings

CPU = torch.device("cpu")


def small(classes=4):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(8 * 36, classes),
    )


def learn(network, steps, watch):
    """Make steps on noise, watched; only the first touches the weights, so that thousands are quick."""
    images, labels = torch.randn(8, 3, 8, 8), torch.arange(8) % 4
    for step in range(1, steps + 1):
        if step == 1:
            cross_entropy(network(images), labels).backward()
        watch.on_step(StepFacts(1, step, torch.tensor(float(step)), 0.1, network, None))


def record(epoch, step, **others):
    norms = {"conv1": 0.5, "fc": 2.0}
    return StepRecord(epoch, step, 0.1, norms, {"conv1": 1e-3, "fc": 1e-2}, {"conv1": 3.0, "fc": 1.0}, **others)


def epoch(number, **figures):
    values = {"train:loss": 1.0, "train:accuracy": 0.5, "validation:loss": 1.1, "validation:accuracy": 0.4, **figures}
    return EpochRecord(number, 10 * number, values)


@given(st.lists(st.floats(-1e6, 1e6), max_size=3000), st.integers(1, 700))
def test_the_curve_of_the_loss_stays_short_and_keeps_the_mean_of_what_it_shows(losses, chunk):
    curve = Losses()
    for start in range(0, len(losses), chunk):
        part = losses[start : start + chunk]
        curve.add(start + len(part), part)
    assert len(curve.points) <= MOST_LOSSES
    assert len(curve.points) >= min(len(losses), MOST_LOSSES // 2)
    steps = [point.step for point in curve.points]
    assert steps == sorted(set(steps))
    if steps:
        shown = losses[: steps[-1]]
        np.testing.assert_allclose(np.mean([point.loss for point in curve.points]), np.mean(shown), atol=1e-3)


def test_thousands_of_steps_are_remembered_by_a_bounded_number_of_looks_that_hold_the_first():
    network = small()
    watch = Watch(network, CPU, 4)
    watch.start()
    learn(network, 10_000, watch)
    watch.close()
    steps = [record.step for record in watch.history.steps]
    assert MOST_LOOKS // 2 <= len(steps) <= MOST_LOOKS
    assert steps[0] == 1
    assert steps == sorted(set(steps))
    assert steps[-1] > 9_500


def test_layers_are_measured_as_the_formulas_say():
    network = small()
    cross_entropy(network(torch.randn(8, 3, 8, 8)), torch.arange(8) % 4).backward()
    facts = read_weights(network)
    assert list(facts.gradient_norms) == ["0", "4"], "norms and biases are left out"
    weight = network[4].weight
    assert facts.gradient_norms["4"] == pytest.approx(weight.grad.norm().item())
    assert facts.gradient_means["4"] == pytest.approx(weight.grad.abs().mean().item())
    assert facts.weight_norms["4"] == pytest.approx(weight.norm().item())


def test_frozen_layers_are_not_measured():
    network = small()
    network[0].weight.requires_grad_(requires_grad=False)
    cross_entropy(network(torch.randn(8, 3, 8, 8)), torch.arange(8) % 4).backward()
    assert list(read_weights(network).gradient_norms) == ["4"]


def test_a_probe_tells_the_share_of_dead_channels_and_the_variance_they_were_given():
    network = small()
    with torch.no_grad():
        network[1].bias[:3] = -100
    probe = ActivationProbe(network)
    images = torch.randn(8, 3, 8, 8)
    probe.attach()
    network(images)
    facts = probe.detach()
    assert facts.dead_shares == {"2": 3 / 8}
    given = network[1](network[0](images))
    assert facts.input_variances["2"] == pytest.approx(given.var(correction=0).item(), rel=1e-4)


def test_a_rectifier_used_twice_counts_as_two_and_validation_is_not_looked_at():
    model = Classifier("resnet18", 4).train()
    probe = ActivationProbe(model)
    probe.attach()
    model(torch.zeros(2, 32, 32, 3, dtype=torch.uint8))
    model.eval()(torch.zeros(2, 32, 32, 3, dtype=torch.uint8))
    names = list(probe.detach().input_variances)
    assert names[:3] == ["relu", "layer1.0.relu", "layer1.0.relu (2)"]
    assert len(names) == 17


def test_a_probe_that_is_taken_off_leaves_no_hook_behind():
    network = small()
    watch = Watch(network, CPU, 4)
    watch.start()
    learn(network, 7, watch)
    watch.close()
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


def test_a_compiler_that_traces_a_watched_network_does_not_take_the_hooks_in():
    network = small()
    probe = ActivationProbe(network)
    probe.attach()
    torch.compile(network, backend="eager")(torch.randn(8, 3, 8, 8))
    assert probe.detach().input_variances == {}


def test_watching_does_not_change_what_is_learnt(shards, settings):
    weights = []
    for watched in (True, False):
        torch.manual_seed(0)
        model = Classifier("resnet18", 4)
        watch = Watch(model, CPU, 4)
        loop = Loop(
            settings.model_copy(update={"epochs": 1}),
            model,
            Shards(shards / "validation"),
            Compute(CPU, bfloat16=False),
            [watch] if watched else [],
        )
        if watched:
            watch.start()
        tuple(loop.run(Shards(shards / "validation")))
        watch.close()
        weights.append(model.state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_the_report_stands_alone_and_tells_findings_first_with_markup_as_text(tmp_path):
    history = History(6, "CPU", [record(1, 1), record(1, 5), record(2, 15)], epochs=[epoch(1), epoch(2)])
    history.losses.add(20, [1.0] * 20)
    found = [
        Finding(rule="overtraining", severity="advice", epoch=2, step=20, seen="nothing got better", advice="stop"),
        Finding(
            rule="vanishing_gradients",
            severity="critical",
            epoch=1,
            step=5,
            layers=("<b>conv1",),
            seen="a < b",
            advice="x",
        ),
    ]
    write_diagnosis(tmp_path, history, found, "job-<i>7")
    page = (tmp_path / "training.html").read_text()
    assert "job-&lt;i&gt;7" in page
    assert "&lt;b&gt;conv1" in page
    assert page.index("Gradients vanish") < page.index("Training goes on for nothing")
    assert "A &lt; b" in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page)
    assert page.count("data:image/svg+xml") >= 6
    assert "RMSE" not in page, "named classes have none"
    written = Diagnosis.model_validate_json((tmp_path / "diagnostics.json").read_bytes())
    assert [finding.rule for finding in written.findings] == ["vanishing_gradients", "overtraining"]
    assert written.looks.gradient_norms == {"conv1": (0.5, 0.5, 0.5), "fc": (2.0, 2.0, 2.0)}


def test_a_run_that_ended_before_its_first_step_has_a_report_that_does_not_praise_it(tmp_path):
    write_diagnosis(tmp_path, History(6, "CPU"), (), "early")
    page = (tmp_path / "training.html").read_text()
    assert "ended before its first step" in page
    assert "Training went well" not in page
    assert "Not judged" in page


def test_a_run_that_goes_on_from_a_checkpoint_is_not_judged_by_where_its_loss_began():
    whole, rest = (History(6, "CPU", [record(1, first)], epochs=[epoch(1), epoch(2), epoch(3)]) for first in (1, 31))
    for history, last in ((whole, 30), (rest, 60)):
        history.losses.add(last, [1.0] * 30)
    assert LossNotDecreasing().judge(whole) is not None
    assert LossNotDecreasing().judge(rest) is None
    assert "loss_not_decreasing" not in rules_without_facts(diagnose(whole, (), "whole"))
    assert "loss_not_decreasing" in rules_without_facts(diagnose(rest, (), "rest"))


def test_what_is_no_number_is_null_in_json_and_a_gap_in_the_charts(tmp_path):
    broken = StepRecord(1, 2, 0.1, {"fc": float("nan")}, {"fc": float("inf")}, {"fc": 1.0})
    history = History(6, "CPU", [record(1, 1), broken])
    history.losses.add(2, [1.0, float("nan")])
    write_diagnosis(tmp_path, history, (), "broken")
    text = (tmp_path / "diagnostics.json").read_text()
    looks = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))["looks"]
    assert looks["gradient_norms"]["fc"] == [2.0, None]
    assert looks["gradient_norms"]["conv1"] == [0.5, None], "a layer without a gradient has no value"


def test_a_report_that_cannot_be_written_is_said_and_hides_no_other_error(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StepError, match="the real reason"), reported(Watch(small(), CPU, 4), tmp_path / "file", "job"):
        raise StepError("the real reason")
    assert "the diagnostics could not be written: FileExistsError" in capsys.readouterr().out


@pytest.mark.parametrize("names", [(), ("overfitting",), ("dead_units", "exploding_gradients")])
def test_rules_that_stop_the_job_survive_the_way_through_hyperparameters(names):
    settings = TrainSettings(stop_on=names)
    texts = {name: str(value) for name, value in settings.model_dump(mode="json").items()}
    assert read_settings(TrainSettings, texts, "hyperparameter") == settings


def test_an_unknown_rule_is_refused_with_those_there_are():
    with pytest.raises(StepError, match=r"'stop_on.1' is 'bad_luck': Input should be 'exploding_gradients', 'vanish"):
        read_settings(TrainSettings, {"stop_on": "overfitting, bad_luck"}, "hyperparameter")

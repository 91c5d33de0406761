"""Each rule speaks up in a training run that goes wrong in its way, and is silent in a healthy one."""

import json
import time
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from steps.contract import StepError
from steps.shards import Dataset, Shards, write_dataset, write_shard
from steps.train.diagnostics.device_rules import StarvedDevice
from steps.train.diagnostics.history import History, StepRecord
from steps.train.diagnostics.rules import RULES
from steps.train.diagnostics.watch import Watch
from steps.train.observer import StepFacts
from steps.train.diagnostics.names import RuleName
from steps.train.train import fit

CPU = torch.device("cpu")


class SlowShards(Shards):
    """Shards on a disk that is slower than the network."""

    def images(self, indices):
        time.sleep(0.3)
        return super().images(indices)


def findings(folder):
    written = json.loads((folder / "diagnostics.json").read_text())
    return {finding["rule"]: finding for finding in written["findings"]}


def train_by_hand(model, rates):
    """Plain gradient descent, watched, in steps of these learning rates; answers what was found."""
    random = torch.Generator().manual_seed(0)
    watch = Watch(model, CPU, classes=4)
    watch.start()
    for step, rate in enumerate(rates, start=1):
        labels = torch.arange(128) % 4
        images = torch.randn(128, 64, generator=random) + labels[:, None]
        loss = cross_entropy(model(images), labels)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= rate * parameter.grad
        watch.on_step(StepFacts(1, step, loss.detach(), rate, model, None))
    watch.close()
    return watch.findings


def perceptron(layers, activation):
    """A network without normalisation: `layers` hidden layers of 64 units."""
    torch.manual_seed(0)
    hidden = [module for _ in range(layers) for module in (nn.Linear(64, 64), activation())]
    return nn.Sequential(*hidden, nn.Linear(64, 4))


@pytest.fixture(scope="module")
def healthy(shards, settings, tmp_path_factory):
    """What was found in a run that learns to count squares."""
    folder = tmp_path_factory.mktemp("healthy")
    few = settings.model_copy(update={"epochs": 6})
    fit(few, Shards(shards / "train"), Shards(shards / "validation"), folder)
    return findings(folder)


@pytest.fixture(scope="module")
def healthy_by_hand():
    """What was found in a run of a network without normalisation that learns."""
    return train_by_hand(perceptron(2, nn.ReLU), [0.05] * 60)


@pytest.mark.parametrize("rule", get_args(RuleName))
def test_a_healthy_run_is_not_accused(rule, healthy, healthy_by_hand):
    assert rule not in healthy
    assert rule not in healthy_by_hand


def test_every_rule_has_its_name_in_the_settings():
    assert sorted(rule.name for rule in RULES) == sorted(get_args(RuleName))


def test_a_deep_network_of_sigmoids_is_told_that_its_first_layers_get_no_gradient():
    found = train_by_hand(perceptron(14, nn.Sigmoid), [0.05] * 6)["vanishing_gradients"]
    assert found.layers[0] == "0"
    assert "28" not in found.layers, "the last layer has a gradient"
    assert (found.severity, found.step) == ("critical", 3)


def test_a_network_that_has_learnt_its_images_by_heart_is_not_told_that_its_gradients_vanish():
    network = perceptron(2, nn.ReLU)
    watch = Watch(network, CPU, classes=4)
    images, labels = torch.randn(8, 64, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 4
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    means = []
    for step in range(1, 2001):
        loss = cross_entropy(network(images), labels, label_smoothing=0) * (1 if step < 1500 else 1e-6)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        watch.on_step(StepFacts(1, step, loss.detach(), 1.0, network, None))
        means.append(max(watch.history.steps[-1].gradient_means.values()))
    assert means[-1] < 1e-7
    assert "vanishing_gradients" not in watch.findings


def test_a_learning_rate_beyond_all_bounds_ends_as_divergence_and_is_diagnosed_as_exploding_gradients(
    shards, settings, tmp_path
):
    settings = settings.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(StepError, match="loss became"):
        fit(settings, Shards(shards / "train"), Shards(shards / "validation"), tmp_path)
    found = findings(tmp_path)["exploding_gradients"]
    assert found["severity"] == "critical"
    assert "not a number" in found["seen"] or "loss became" in found["seen"]
    assert (tmp_path / "training.html").exists()


def test_gradients_that_grow_a_hundredfold_are_told_before_they_are_infinite():
    found = train_by_hand(perceptron(3, nn.ReLU), [0.05] * 20 + [30.0] + [0.05] * 10)["exploding_gradients"]
    assert "times its median" in found.seen
    assert 20 < found.step <= 30
    assert found.layers


def test_a_step_so_large_that_rectifiers_die_is_diagnosed_with_their_layers():
    found = train_by_hand(perceptron(3, nn.ReLU), [0.05, 0.05, 1e4] + [0.05] * 30)["dead_units"]
    assert set(found.layers) <= {"1", "3", "5"}
    assert found.layers
    assert "%" in found.seen


@pytest.mark.parametrize(
    ("scale", "told"), [(0.0, "no activation function is given any signal"), (0.05, "variance"), (50.0, "first loss")]
)
def test_weights_that_are_nothing_too_small_or_too_large_are_a_poor_beginning(scale, told):
    network = perceptron(3, nn.ReLU)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= scale
    assert told in train_by_hand(network, [1e-6] * 5)["poor_initialisation"].seen


def test_a_learning_rate_of_next_to_nothing_leaves_the_loss_where_it_was(pack, settings, tmp_path):
    settings = settings.model_copy(update={"learning_rate": 1e-12, "batch_size": 4, "epochs": 4})
    packed = Shards(pack(tmp_path / "shards", 40))
    fit(settings, packed, packed, tmp_path)
    found = findings(tmp_path)["loss_not_decreasing"]
    assert (found["severity"], found["lasts"]) == ("critical", True)


def test_images_with_random_labels_are_learnt_by_heart(pack, settings, tmp_path):
    random = np.random.default_rng(0)
    folder = tmp_path / "random"
    dataset = Dataset.model_validate_json((pack(tmp_path / "any", 4) / "dataset.json").read_bytes())
    write_dataset(folder, dataset)
    pixels = random.integers(0, 256, (16, dataset.size, dataset.size, 3), dtype=np.uint8)
    write_shard(folder, "algo-1-00000", pixels, random.integers(0, 4, 16), [str(number) for number in range(16)])
    settings = settings.model_copy(update={"epochs": 30, "learning_rate": 1e-3})
    fit(settings, Shards(folder), Shards(pack(tmp_path / "others", 40)), tmp_path)
    found = findings(tmp_path)["overfitting"]
    assert "validation loss has risen" in found["seen"]


def test_a_run_that_goes_on_long_after_it_has_learnt_is_told_how_many_epochs_it_needed(shards, settings, tmp_path):
    fit(settings.model_copy(update={"epochs": 14}), Shards(shards / "train"), Shards(shards / "validation"), tmp_path)
    found = findings(tmp_path)["overtraining"]
    assert found["severity"] == "advice"
    assert "train for about" in found["advice"]


def test_a_disk_slower_than_the_network_starves_the_device(shards, settings, tmp_path):
    settings = settings.model_copy(update={"epochs": 1})
    fit(settings, SlowShards(shards / "train"), Shards(shards / "validation"), tmp_path)
    assert "spent waiting for images" in findings(tmp_path)["starved_device"]["seen"]


@pytest.mark.parametrize(("use", "found"), [(0.4, True), (0.9, False)])
def test_a_gpu_that_is_hardly_used_though_data_is_there_is_told_so(use, found):
    record = StepRecord(1, 1, 0.1, {}, {}, {}, gpu_memory_gb=8.0, device_use=use)
    history = History(classes=6, device="NVIDIA A10G", steps=[record] * 30)
    assert (StarvedDevice().judge(history) is not None) is found


def test_a_rule_that_is_told_to_stop_the_job_fails_it_with_its_sentence_and_leaves_the_report(
    shards, settings, tmp_path
):
    settings = settings.model_copy(update={"stop_on": ("starved_device",)})
    with pytest.raises(StepError, match=r"stopped by the rule starved_device \(epoch 1, step \d+\): .* waiting for"):
        fit(settings, SlowShards(shards / "train"), Shards(shards / "validation"), tmp_path)
    assert findings(tmp_path)["starved_device"]["epoch"] == 1
    assert (tmp_path / "training.html").exists()

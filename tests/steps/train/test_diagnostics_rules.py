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
from steps.shards import Shards, write_dataset, write_shard
from steps.train.device import Compute
from steps.train.diagnostics.device_rules import StarvedDevice
from steps.train.diagnostics.history import History, StepRecord
from steps.train.diagnostics.names import RuleName
from steps.train.diagnostics.rules import RULES
from steps.train.diagnostics.watch import Watch, reported
from steps.train.loop import Loop
from steps.train.networks.network import Classifier
from steps.train.observer import StepFacts
from steps.train.settings import TrainSettings
from steps.train.train import fit

CPU = torch.device("cpu")


class SlowShards(Shards):
    """Shards on a disk that is slower than any network."""

    def images(self, indices):
        time.sleep(0.5)
        return super().images(indices)


def small_counter(classes):
    """A network that learns to count squares, and is quick."""
    model = Classifier("resnet18", classes)
    convolutions = []
    for channels, wider in ((3, 16), (16, 32), (32, 64)):
        convolutions += [nn.Conv2d(channels, wider, 3, 2, 1, bias=False), nn.BatchNorm2d(wider), nn.ReLU()]
    model.network = nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))
    return model


def train_small(settings, learnt, held_out, folder, seconds=0.0):
    """Train a small network, which takes so many seconds more, by the real loop; answers what was found."""
    torch.manual_seed(0)
    compute, classes = Compute(CPU, bfloat16=False), len(learnt.dataset.classes)
    model = small_counter(classes)
    model.network.register_forward_hook(lambda *_: time.sleep(seconds))
    watch = Watch(model, CPU, classes, settings.stop_on)
    loop = Loop(settings, model, learnt, compute, [watch])
    with reported(watch, folder, "small"):
        tuple(loop.run(held_out))
    return findings(folder)


def findings(folder):
    written = json.loads((folder / "diagnostics.json").read_text())
    return {finding["rule"]: finding for finding in written["findings"]}


def both(shards):
    return Shards(shards / "train"), Shards(shards / "validation")


def train_by_hand(model, rates, brightness=0.0):
    """Train any network, watched, in steps of these learning rates; answers what was found."""
    optimizer = torch.optim.SGD(model.parameters())
    random = torch.Generator().manual_seed(0)
    watch = Watch(model, CPU, classes=4)
    watch.start()
    for step, rate in enumerate(rates, start=1):
        labels = torch.arange(128) % 4
        images = torch.randn(128, 64, generator=random) + labels[:, None] + brightness
        loss = cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        watch.on_step(StepFacts(1, step, loss.detach(), rate, model, None))
    watch.close()
    return watch.findings


def perceptron(layers, activation):
    """A network without normalisation: `layers` hidden layers of 64 units."""
    torch.manual_seed(0)
    hidden = [module for _ in range(layers) for module in (nn.Linear(64, 64), activation())]
    return nn.Sequential(*hidden, nn.Linear(64, 4))


@pytest.fixture(scope="module")
def quick():
    """Settings that teach the small network to count squares in some epochs; no image is changed."""
    unchanged = dict.fromkeys(
        ("rotation", "zoom", "shift", "brightness", "contrast", "flip_horizontal", "label_softness"), 0.0
    )
    return TrainSettings(architecture="resnet18", epochs=8, batch_size=16, learning_rate=5e-3, **unchanged)


@pytest.fixture(scope="module")
def healthy(shards, quick, tmp_path_factory):
    """What was found in a run that learns to count squares."""
    return train_small(quick, *both(shards), tmp_path_factory.mktemp("healthy"))


@pytest.fixture(scope="module")
def healthy_by_hand():
    """What was found in a run of a network without normalisation that learns."""
    return train_by_hand(perceptron(2, nn.ReLU), [0.05] * 60)


# Whether a network as small as this one waits for its images depends on the machine: see the tests of slow ones below.
@pytest.mark.parametrize("rule", sorted(set(get_args(RuleName)) - {"starved_device"}))
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
    images, labels = torch.randn(8, 64, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 4
    watch = Watch(network, CPU, classes=4)
    for step in range(1, 301):
        loss = cross_entropy(network(images), labels)
        network.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter -= 0.3 / max(loss, 1e-6) * parameter.grad
        watch.on_step(StepFacts(1, step, loss.detach(), 0.3, network, None))
    assert max(watch.history.steps[-1].gradient_means.values()) < 1e-7
    assert "vanishing_gradients" not in watch.findings


def test_a_diverging_run_fails_as_such_and_is_diagnosed_as_exploding_gradients(shards, quick, tmp_path):
    diverging = quick.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(StepError, match="the training loss became"):
        train_small(diverging, *both(shards), tmp_path)
    assert findings(tmp_path)["exploding_gradients"]["severity"] == "critical"
    assert (tmp_path / "training.html").exists()


def test_gradients_that_grow_a_hundredfold_are_told_before_they_are_infinite():
    found = train_by_hand(perceptron(3, nn.ReLU), [0.05] * 18 + [20.0] + [0.05] * 10)["exploding_gradients"]
    assert "times its median" in found.seen
    assert found.step == 20
    assert found.layers


def test_steps_so_large_that_rectifiers_die_are_diagnosed_with_their_layers():
    found = train_by_hand(perceptron(3, nn.ReLU), [0.3] * 6, brightness=20)["dead_units"]
    assert "1" in found.layers
    assert "more than 50% of the units are dead" in found.seen


@pytest.mark.parametrize(
    ("scale", "told"),
    [(0.0, "no activation function is given any signal"), (0.01, "signal's variance"), (10.0, "first loss")],
)
def test_weights_that_are_nothing_too_small_or_too_large_are_a_poor_beginning(scale, told):
    network = perceptron(3, nn.ReLU)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= scale if parameter.ndim > 1 else 0
    assert told in train_by_hand(network, [1e-6] * 5)["poor_initialisation"].seen


def test_a_learning_rate_of_next_to_nothing_leaves_the_loss_where_it_was(shards, quick, tmp_path):
    still = quick.model_copy(update={"learning_rate": 1e-12, "epochs": 5})
    found = train_small(still, *both(shards), tmp_path)["loss_not_decreasing"]
    assert (found["severity"], found["lasts"]) == ("critical", True)


def test_images_with_random_labels_are_learnt_by_heart(pack, quick, tmp_path):
    random = np.random.default_rng(0)
    dataset = Shards(pack(tmp_path / "others", 40)).dataset
    write_dataset(tmp_path / "random", dataset)
    pixels = random.integers(0, 256, (16, dataset.size, dataset.size, 3), dtype=np.uint8)
    names = [str(number) for number in range(16)]
    write_shard(tmp_path / "random", "algo-1-00000", pixels, random.integers(0, 4, 16), names)
    longer = quick.model_copy(update={"epochs": 40})
    found = train_small(longer, Shards(tmp_path / "random"), Shards(tmp_path / "others"), tmp_path)["overfitting"]
    assert "validation loss has risen" in found["seen"]


def test_a_run_that_goes_on_long_after_it_has_learnt_is_told_how_many_epochs_it_needed(shards, quick, tmp_path):
    longer = quick.model_copy(update={"epochs": 40, "learning_rate": 0.02, "schedule": "constant"})
    found = train_small(longer, *both(shards), tmp_path)["overtraining"]
    assert found["severity"] == "advice"
    assert "train for about" in found["advice"]


def test_a_disk_slower_than_the_network_starves_the_device(shards, quick, tmp_path):
    once = quick.model_copy(update={"epochs": 1})
    found = train_small(once, SlowShards(shards / "train"), Shards(shards / "validation"), tmp_path)
    assert "spent waiting for images" in found["starved_device"]["seen"]


def test_a_network_slower_than_the_disk_is_not_told_to_wait(shards, quick, tmp_path):
    once = quick.model_copy(update={"epochs": 1})
    assert "starved_device" not in train_small(once, *both(shards), tmp_path, seconds=0.3)


@pytest.mark.parametrize(("use", "found"), [(0.4, True), (0.9, False)])
def test_a_gpu_that_is_hardly_used_though_data_is_there_is_told_so(use, found):
    record = StepRecord(1, 1, 0.1, {}, {}, {}, gpu_memory_gb=8.0, device_use=use)
    history = History(classes=6, device="NVIDIA A10G", steps=[record] * 30)
    assert (StarvedDevice().judge(history) is not None) is found


def test_a_rule_that_is_told_to_stop_the_job_fails_it_with_its_sentence_and_leaves_the_report(shards, quick, tmp_path):
    stopped = quick.model_copy(update={"stop_on": ("exploding_gradients",), "learning_rate": 1e30})
    with pytest.raises(StepError, match=r"stopped by the rule exploding_gradients \(epoch 1, step \d+\): .*a tenth"):
        fit(stopped, *both(shards), diagnostics=tmp_path)
    assert findings(tmp_path)["exploding_gradients"]["epoch"] == 1
    assert (tmp_path / "training.html").exists()

"""The loop: what observers are told, going on from an epoch's end, accumulation, early stopping, the seeds' recipe."""

import io
import re

import numpy as np
import pytest
import torch
from torch import nn

from steps.contract import StepError, read_settings
from steps.shards import Shards
from steps.train.device import Compute
from steps.train.loop import Loop
from steps.train.networks.compilation import compiled
from steps.train.networks.network import Classifier
from steps.train.recipe.augment import augment
from steps.train.recipe.schedule import Schedule
from steps.train.settings import TrainSettings
from steps.train.train import fit

CPU = Compute(torch.device("cpu"), bfloat16=False)


class Recorder:
    """An observer that keeps what it was told."""

    def __init__(self):
        self.steps, self.epochs, self.gradients = [], [], []

    def on_step(self, facts):
        self.steps.append(facts)
        self.gradients.append(facts.model.network.fc.weight.grad.norm().item())

    def on_epoch(self, figures):
        self.epochs.append(figures)


@pytest.fixture
def few(shards):
    return Shards(shards / "validation")


@pytest.fixture
def start(settings, few):
    """Begin a run of two epochs of three steps each."""

    def start(*observers, **changes):
        torch.manual_seed(settings.seed)
        changed = settings.model_copy(update={"epochs": 2, **changes})
        return Loop(changed, Classifier(changed.architecture, 4), few, CPU, observers)

    return start


def test_observers_are_told_of_every_step_with_its_gradients_and_of_every_epoch(start, few, settings):
    seen = Recorder()
    figures = list(start(seen).run(few))
    assert seen.epochs == figures
    assert [(facts.epoch, facts.step) for facts in seen.steps] == [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (2, 6)]
    assert all(norm > 0 for norm in seen.gradients)
    assert all(min(vars(facts.seconds).values()) >= 0 and facts.seconds.forward > 0 for facts in seen.steps)
    rates = [facts.learning_rate for facts in seen.steps]
    assert rates == [settings.learning_rate * Schedule("cosine", 6, 0.1).factor(step) for step in range(6)]
    losses = [facts.loss.item() for facts in seen.steps[:3]]
    assert figures[0].train_loss == pytest.approx((16 * losses[0] + 16 * losses[1] + 8 * losses[2]) / 40)


def test_a_run_that_goes_on_from_the_state_at_an_epochs_end_ends_as_the_undisturbed_run(start, few):
    undisturbed = start()
    expected = list(undisturbed.run(few))

    interrupted = start()
    next(interrupted.run(few))
    file = io.BytesIO()
    torch.save(interrupted.state.state_dict(), file)
    file.seek(0)

    restarted = start()
    restarted.state.load_state_dict(torch.load(file, weights_only=True))
    (last,) = restarted.run(few)
    assert last.validation_loss == expected[-1].validation_loss
    wanted, found = undisturbed.result().state_dict(), restarted.result().state_dict()
    assert all(torch.equal(wanted[name], found[name]) for name in wanted)


def test_what_an_observer_raises_ends_the_run(start, few):
    class Stopper(Recorder):
        def on_step(self, facts):
            raise KeyboardInterrupt

    loop = start(Stopper())
    with pytest.raises(KeyboardInterrupt):
        list(loop.run(few))
    assert (loop.state.epoch, loop.state.step) == (0, 1)


class WithoutNorm(nn.Module):
    """A network whose answer to an image does not depend on its neighbours in the batch."""

    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32 * 3, 8), nn.ReLU())
        self.network.fc = nn.Linear(8, 4)

    def forward(self, images):
        return self.network(images.float() / 255)


@pytest.mark.parametrize("images", [40, 33])
def test_accumulated_small_batches_learn_as_one_large_batch(few, settings, pack, tmp_path, images):
    packed = Shards(pack(tmp_path, images))
    still = {"flip_horizontal": 0, "rotation": 0, "zoom": 0, "shift": 0, "brightness": 0, "contrast": 0}

    def learn(**changes):
        torch.manual_seed(0)
        seen = Recorder()
        loop = Loop(settings.model_copy(update={"epochs": 2, **still, **changes}), WithoutNorm(), packed, CPU, [seen])
        list(loop.run(few))
        return loop.result().state_dict(), [facts.loss.item() for facts in seen.steps]

    (small, small_losses), (large, large_losses) = (
        learn(batch_size=8, accumulate=4),
        learn(batch_size=32, accumulate=1),
    )
    if images == 40:
        assert len(small_losses) == len(large_losses) == 4
        assert small_losses == pytest.approx(large_losses, rel=1e-4)
        for name in small:
            torch.testing.assert_close(small[name], large[name], rtol=1e-3, atol=1e-5)
    else:
        assert len(small_losses) == 2, "the last image alone is no batch"


@pytest.mark.parametrize(
    ("objective", "badness"),
    [
        ("accuracy", lambda found: (-found.validation_accuracy, found.validation_loss)),
        ("rmse", lambda found: (found.validation_rmse, found.validation_loss)),
    ],
)
def test_early_stopping_ends_training_and_restores_the_best_epochs_weights(start, few, capsys, objective, badness):
    # A rate this high makes the figures of so few images jump about.
    loop = start(epochs=30, patience=2, objective=objective, learning_rate=0.05, schedule="constant", averaging=0)
    figures, weights = [], []
    for found in loop.run(few):
        figures.append(found)
        weights.append({name: value.clone() for name, value in loop.state.model.state_dict().items()})
    best = min(figures, key=badness)
    assert len(figures) == best.epoch + 2 < 30
    result = loop.result().state_dict()
    assert all(torch.equal(result[name], weights[best.epoch - 1][name]) for name in result)
    printed = capsys.readouterr().out
    assert f"the result are the weights of epoch {best.epoch}, whose validation {objective} was the best" in printed
    last = re.findall(r"validation:loss=([0-9.]+);", printed)[-1]
    assert float(last) == pytest.approx(best.validation_loss, abs=1e-4)


def test_the_averaged_weights_are_what_is_validated_and_the_result(start, few):
    loop = start(averaging=0.5)
    figures = list(loop.run(few))
    result = loop.result().eval()
    assert result is not loop.state.model
    assert not torch.equal(result.network.fc.weight, loop.state.model.network.fc.weight)
    with torch.inference_mode():
        answers = result(torch.from_numpy(few.images(np.arange(len(few))))).argmax(dim=1).numpy()
    assert figures[-1].validation_accuracy == np.mean(answers == few.labels)


def test_soft_labels_for_named_classes_are_refused_and_hard_ones_have_no_rmse(settings, pack, tmp_path):
    named = Shards(pack(tmp_path, 16, classes=("bolt", "nut", "screw", "washer")))
    with pytest.raises(StepError, match=r"label_softness is 0.5, but the classes bolt, nut, screw ... are names"):
        fit(settings, named, named)
    _, (figures,) = fit(settings.model_copy(update={"label_softness": 0, "epochs": 1}), named, named)
    assert figures.validation_rmse is None
    assert not any("rmse" in name for name in figures.metrics())


def test_the_published_recipe_can_be_said_with_settings_alone(shards, few):
    hyperparameters = {"architecture": "resnet18", "optimizer": "adam", "learning_rate": "0.0023", "batch_size": "32"}
    hyperparameters |= {"schedule": "constant", "warm_up": "0", "weight_decay": "0", "averaging": "0", "epochs": "1"}
    hyperparameters |= dict.fromkeys(("label_softness", "rotation", "zoom", "shift", "brightness", "contrast"), "0")
    seeds = read_settings(TrainSettings, hyperparameters, "hyperparameter")
    seen = Recorder()
    torch.manual_seed(0)
    loop = Loop(seeds, Classifier("resnet18", 4), few, CPU, [seen])
    list(loop.run(few))
    assert type(loop.state.optimizer) is torch.optim.Adam
    assert {facts.learning_rate for facts in seen.steps} == {0.0023}
    assert loop.result() is loop.state.model


def test_balancing_twice_is_refused():
    with pytest.raises(StepError, match="weighs rare classes twice"):
        read_settings(TrainSettings, {"class_weights": "balanced", "sampler": "balanced"}, "hyperparameter")


def test_a_compiled_network_answers_as_before_and_its_trial_changes_nothing(capsys):
    torch.manual_seed(0)
    model = Classifier("resnet18", 4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fast = compiled(model, CPU, batch_size=4, size=32, backend="aot_eager")
    assert capsys.readouterr().out == "the network is compiled\n"
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    images = torch.rand(4, 32, 32, 3)
    torch.testing.assert_close(fast(images), model(images))


def test_what_the_trial_compiled_is_what_training_runs():
    graphs = []

    def kept(graph, inputs):
        graphs.append(graph)
        return graph

    settings, generator = TrainSettings(), torch.Generator().manual_seed(0)
    fast = compiled(Classifier("resnet18", 4), CPU, batch_size=4, size=32, backend=kept)
    fast(augment(torch.zeros(4, 32, 32, 3, dtype=torch.uint8), settings, generator)).sum().backward()
    assert len(graphs) == 1


def test_a_network_that_cannot_be_compiled_trains_uncompiled_and_says_why(capsys):
    def broken(graph, inputs):
        raise OSError("no C compiler")

    model = Classifier("resnet18", 4)
    assert compiled(model, CPU, batch_size=4, size=32, backend=broken) is model
    assert "the network is not compiled, and trains uncompiled" in (told := capsys.readouterr().out)
    assert "no C compiler" in told


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "adam"])
def test_all_ingredients_together_learn_and_repeat_themselves(settings, shards, optimizer):
    changes = {"architecture": "baseline", "optimizer": optimizer, "learning_rate": 0.01, "epochs": 4}
    changes |= {"gradient_clip": 5.0, "averaging": 0.1, "accumulate": 2, "batch_size": 8, "label_smoothing": 0.05}
    changes |= {"class_weights": "balanced", "mixup": 0.2, "flip_vertical": 0.5, "weight_decay": 1e-3}
    everything = TrainSettings.model_validate(settings.model_dump() | changes)
    train, validation = Shards(shards / "train"), Shards(shards / "validation")
    (model, figures), (again, _) = (fit(everything, train, validation) for _ in range(2))
    assert figures[-1].train_loss < figures[0].train_loss
    assert figures[-1].validation_rmse < figures[0].validation_rmse
    assert all(map(torch.equal, model.state_dict().values(), again.state_dict().values()))

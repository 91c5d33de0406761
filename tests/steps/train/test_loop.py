"""The seams of the loop: what observers are told, and a run that goes on from where another was at an epoch's end."""

import io

import pytest
import torch

from steps.shards import Shards
from steps.train.device import Compute
from steps.train.loop import Loop
from steps.train.network import Classifier

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


def test_observers_are_told_of_every_step_with_its_gradients_and_of_every_epoch(start, few):
    seen = Recorder()
    figures = list(start(seen).run(few))
    assert seen.epochs == figures
    assert [(facts.epoch, facts.step) for facts in seen.steps] == [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (2, 6)]
    assert all(norm > 0 for norm in seen.gradients)
    assert all(min(vars(facts.seconds).values()) >= 0 and facts.seconds.forward > 0 for facts in seen.steps)
    rates = [facts.learning_rate for facts in seen.steps]
    assert rates == sorted(rates, reverse=True)
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
    wanted, found = undisturbed.state.model.state_dict(), restarted.state.model.state_dict()
    assert all(torch.equal(wanted[name], found[name]) for name in wanted)


def test_what_an_observer_raises_ends_the_run(start, few):
    class Stopper(Recorder):
        def on_step(self, facts):
            raise KeyboardInterrupt

    loop = start(Stopper())
    with pytest.raises(KeyboardInterrupt):
        list(loop.run(few))
    assert (loop.state.epoch, loop.state.step) == (0, 1)

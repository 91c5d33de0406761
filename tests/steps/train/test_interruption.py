"""A training that is cut off goes on where it was, and comes to the very result it would have come to undisturbed."""

import os
import signal

import pytest
import torch

from steps.shards import Shards
from steps.train.device import Compute
from steps.train.faults.checkpoint import LATEST, Checkpoints, state_of
from steps.train.faults.interruption import EXIT_CODE
from steps.train.faults.keeper import kept_in
from steps.train.loop import Loop
from steps.train.networks.network import Classifier

CPU = Compute(torch.device("cpu"), bfloat16=False)
STEPS = 5
"""Steps of an epoch of 40 images."""


class Terminator:
    """An observer that sends this process SIGTERM in one of the steps, or after one of the epochs."""

    def __init__(self, step=None, epoch=None):
        self.step, self.epoch = step, epoch

    def on_step(self, facts):
        if facts.step == self.step:
            os.kill(os.getpid(), signal.SIGTERM)

    def on_epoch(self, figures):
        if figures.epoch == self.epoch:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def few(shards):
    return Shards(shards / "validation")


@pytest.fixture
def run(settings, few, tmp_path):
    """Run a training of two epochs, with all that draws at random, under the checkpoints in `tmp_path`."""
    changed = settings.model_copy(update={"epochs": 2, "batch_size": 8, "mixup": 0.2, "patience": 5, "averaging": 0.5})

    def run(*observers, keep=True, **changes):
        torch.manual_seed(changed.seed)
        told = changed.model_copy(update=changes)
        kept = Checkpoints(tmp_path, {"epochs": str(told.epochs)}) if keep else None
        with kept_in(kept) as keeper:
            loop = Loop(told, Classifier(told.architecture, 4), few, CPU, observers, keeper)
            figures = list(loop.run(few))
        return figures, loop.result().state_dict()

    return run


@pytest.fixture
def undisturbed(run):
    return run(keep=False)


@pytest.mark.parametrize("at", [{"step": 1}, {"step": STEPS + 2}, {"step": STEPS}, {"epoch": 1}], ids=str)
def test_a_training_stopped_in_a_step_ends_with_the_weights_and_figures_of_the_undisturbed_one(run, undisturbed, at):
    with pytest.raises(SystemExit) as stopped:
        run(Terminator(**at))
    assert stopped.value.code == EXIT_CODE == 143
    figures, weights = run()
    expected_figures, expected_weights = undisturbed
    assert all(torch.equal(weights[name], expected_weights[name]) for name in expected_weights)
    for found, expected in zip(figures[::-1], expected_figures[::-1], strict=False):
        same = {"images_per_second": 0.0}
        assert {**vars(found), **same} == {**vars(expected), **same}


def test_what_was_done_before_the_interruption_is_not_done_again(run, tmp_path, capsys):
    with pytest.raises(SystemExit):
        run(Terminator(step=STEPS + 3))
    held = state_of((tmp_path / LATEST).read_bytes())
    assert (held["epoch"], held["step"]) == (1, STEPS + 3)
    assert "training stops as it was asked to: 1 epochs and 8 steps are done" in capsys.readouterr().out
    figures, _ = run()
    assert [found.epoch for found in figures] == [2]
    assert "training goes on from its checkpoint: 1 epochs and 8 steps are done" in capsys.readouterr().out


def test_a_training_with_other_settings_begins_anew(run, capsys):
    run()
    figures, _ = run(epochs=1)
    assert [found.epoch for found in figures] == [1]
    assert "is not used, and replaced by a later one: it is of a training with other epochs" in capsys.readouterr().out


def test_a_training_without_a_folder_for_checkpoints_leaves_sigterm_as_it_was(run):
    before = signal.getsignal(signal.SIGTERM)
    handlers = []

    class Look(Terminator):
        def on_step(self, facts):
            handlers.append(signal.getsignal(signal.SIGTERM))

    run(Look(), keep=False, epochs=1)
    assert set(handlers) == {before}
    run(Look(), epochs=1)
    assert handlers[-1] is not before
    assert signal.getsignal(signal.SIGTERM) is before

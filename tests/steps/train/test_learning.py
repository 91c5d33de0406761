"""Training learns, repeats itself, says how it goes, and refuses what cannot work."""

import re

import numpy as np
import pytest
import torch

from steps.contract import StepError
from steps.shards import Shards
from steps.train.settings import METRICS
from steps.train.step import NUMBER
from steps.train.train import fit, train


def weights_after_one_epoch(settings, shards, seed):
    model, _ = fit(settings.model_copy(update={"epochs": 1, "seed": seed}), shards, shards)
    return model.state_dict()


def test_a_counter_of_squares_learns_far_above_chance(trained):
    first, last = trained.result.epochs[0], trained.result.epochs[-1]
    assert last.validation_accuracy >= 0.75, "chance is 0.25"
    assert last.train_loss < first.train_loss
    assert last.validation_rmse < 0.8


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(settings, shards):
    few = Shards(shards / "validation")
    first, again, other = (weights_after_one_epoch(settings, few, seed) for seed in (5, 5, 6))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["network.fc.weight"], other["network.fc.weight"])


@pytest.mark.parametrize("metric", METRICS)
def test_the_regexes_of_the_training_job_read_each_epoch_once(trained, metric):
    found = [float(value) for value in re.findall(f"{metric}={NUMBER};", trained.log)]
    assert found == [pytest.approx(epoch.metrics()[metric], abs=1e-4) for epoch in trained.result.epochs]


def test_the_log_says_which_epoch_a_line_is_of(trained):
    epochs = len(trained.result.epochs)
    assert re.findall(r"^epoch=(\d+)/(\d+); train:loss", trained.log, re.MULTILINE) == [
        (str(epoch), str(epochs)) for epoch in range(1, epochs + 1)
    ]


def test_a_diverging_loss_ends_training_naming_epoch_and_learning_rate(settings, shards, tmp_path):
    # Beyond what a user may set: within bounds, batch normalisation keeps even a useless model's loss finite.
    settings = settings.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(StepError, match=r"loss became (nan|inf) in epoch 1 at learning_rate 1e\+30"):
        train(settings, shards / "train", shards / "validation", tmp_path, "diverging")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"classes": ("0", "1", "2", "3", "4")}, "classes"),
        ({"size": 40}, "preprocessing is 32 px, resize squash, contrast none in train and 40 px"),
    ],
)
def test_channels_of_different_datasets_are_refused(settings, shards, pack, tmp_path, changed, told):
    validation = pack(tmp_path / "validation", 8, **changed)
    with pytest.raises(StepError, match=f"do not belong together: {told}"):
        train(settings, shards / "train", validation, tmp_path, "mixed")


def test_a_single_training_image_is_refused(settings, shards, pack, tmp_path):
    with pytest.raises(StepError, match="training needs at least 2"):
        train(settings, pack(tmp_path / "train", 1), shards / "validation", tmp_path, "alone")


def test_a_last_batch_of_one_image_is_survived(settings, pack, tmp_path):
    odd = Shards(pack(tmp_path, settings.batch_size + 1))
    _, (figures,) = fit(settings.model_copy(update={"epochs": 1}), odd, odd)
    assert np.isfinite(figures.train_loss)

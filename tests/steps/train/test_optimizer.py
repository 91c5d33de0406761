"""How the weights change: optimiser, learning rate, decay, clipping, the running average."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from steps.train.networks.network import Classifier
from steps.train.recipe.average import LONGEST_INTERVAL, Average, decay_at
from steps.train.recipe.optimizer import clip_gradients, make_optimizer, set_rate
from steps.train.recipe.schedule import Schedule
from steps.train.settings import TrainSettings


@given(steps=st.integers(1, 5000), warm_up=st.floats(0, 0.9))
def test_a_cosine_rate_rises_to_its_highest_then_falls_and_never_is_zero(steps, warm_up):
    schedule = Schedule("cosine", steps, warm_up)
    factors = np.array([schedule.factor(step) for step in range(steps)])
    top = factors.argmax()
    assert factors[top] == 1
    assert (np.diff(factors[: top + 1]) > 0).all()
    assert (np.diff(factors[top:]) < 0).all()
    assert factors.min() > 0
    assert top <= warm_up * steps + 1


def test_a_constant_rate_without_warm_up_is_the_highest_all_the_time():
    assert {Schedule("constant", 100, 0).factor(step) for step in range(100)} == {1.0}


def test_a_constant_rate_stays_where_its_warm_up_ends():
    factors = [Schedule("constant", 10, 0.3).factor(step) for step in range(10)]
    assert factors == pytest.approx([1 / 3, 2 / 3, *[1.0] * 8])


@pytest.mark.parametrize(("name", "kind"), [("adamw", "AdamW"), ("adam", "Adam"), ("sgd", "SGD")])
def test_norms_and_biases_are_not_decayed(name, kind):
    model = Classifier("resnet18", 4)
    optimizer = make_optimizer(model, TrainSettings(optimizer=name, weight_decay=0.05))
    decayed, free = optimizer.param_groups
    assert type(optimizer).__name__ == kind
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.05, 0)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    free_names = {names[id(parameter)] for parameter in free["params"]}
    assert len(names) == len(decayed["params"]) + len(free["params"])
    assert free_names == {name for name in names.values() if "bn" in name or "downsample.1" in name or "bias" in name}


def test_parameters_that_cannot_learn_are_left_out():
    model = Classifier("resnet18", 4).requires_grad_(False)
    model.network.fc.requires_grad_(True)
    groups = make_optimizer(model, TrainSettings()).param_groups
    assert [len(group["params"]) for group in groups] == [1, 1]


def test_sgd_takes_nesterovs_steps():
    weight = nn.Linear(1, 1, bias=False)
    optimizer = make_optimizer(weight, TrainSettings(optimizer="sgd", weight_decay=0))
    set_rate(optimizer, 0.1)
    before, velocity = weight.weight.item(), 0.0
    for gradient in (1.0, -2.0, 3.0):
        weight.weight.grad = torch.full((1, 1), gradient)
        optimizer.step()
        velocity = 0.9 * velocity + gradient
        before -= 0.1 * (gradient + 0.9 * velocity)
        assert weight.weight.item() == pytest.approx(before, rel=1e-5)


@pytest.mark.parametrize(("largest", "expected"), [(0.0, 5.0), (10.0, 5.0), (1.0, 1.0)])
def test_clipping_bounds_the_norm_of_all_gradients_and_keeps_their_direction(largest, expected):
    weights = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    for weight, gradient in zip(weights, (3.0, 4.0), strict=True):
        weight.grad = torch.tensor([gradient])
    clip_gradients(weights, largest)
    gradients = torch.cat([weight.grad for weight in weights])
    torch.testing.assert_close(gradients, torch.tensor([0.6, 0.8]) * expected)


class Small(nn.Module):
    """A weight, and a norm with its statistics and counter."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))
        self.norm = nn.BatchNorm1d(3)


def test_averaged_weights_and_statistics_follow_the_formula():
    model, random = Small(), torch.Generator().manual_seed(0)
    average = Average(model, share=0.5, steps=20)
    assert average.interval == 1
    weights = expected = None
    for step in range(1, 21):
        weights = torch.rand(3, generator=random)
        with torch.no_grad():
            model.weight.copy_(weights)
            model.norm.running_mean.copy_(2 * weights)
            model.norm.num_batches_tracked.fill_(step)
        average.update(step)
        kept = decay_at(step - 1, 1 - 1 / 10)
        expected = weights if expected is None else kept * expected + (1 - kept) * weights
        torch.testing.assert_close(average.model.weight.detach(), expected)
        torch.testing.assert_close(average.model.norm.running_mean, 2 * expected)
        assert average.model.norm.num_batches_tracked == step
    assert not torch.equal(average.model.weight, weights)


def test_the_average_keeps_less_at_first_and_its_decay_in_the_end():
    kept = [decay_at(update, 0.9) for update in range(200)]
    assert kept[0] == 0
    assert kept[1] == pytest.approx(2 / 11)
    assert kept[-1] == 0.9
    assert kept == sorted(kept)


def test_a_long_average_is_updated_now_and_then_only():
    assert Average(Small(), share=0.05, steps=2000).interval == 6
    assert Average(Small(), share=0.5, steps=100_000).interval == LONGEST_INTERVAL


@pytest.mark.parametrize("share", [0, 0.001])
def test_without_a_length_the_average_is_the_model(share):
    model = Small()
    average = Average(model, share, steps=100)
    average.update(1)
    assert average.model is model
    assert average.state_dict() == {}


def test_an_average_goes_on_from_its_state():
    model = Small()
    first, second = Average(model, 0.5, 20), Average(model, 0.5, 20)
    for step in range(1, 6):
        model.weight.data += step
        first.update(step)
    second.load_state_dict(first.state_dict())
    model.weight.data += 1
    for average in (first, second):
        average.update(6)
    assert torch.equal(first.model.weight, second.model.weight)
    assert not torch.equal(first.model.weight, model.weight)

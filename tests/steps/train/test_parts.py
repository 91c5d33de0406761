"""The parts of the loop: feed, augmentation, learning rate, weight decay, the choice of the number format."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steps.contract import StepError
from steps.shards import Shards
from steps.train.augment import BRIGHTNESS, augment
from steps.train.device import cpu_has_bfloat16, require_gpu
from steps.train.feed import batches
from steps.train.network import Classifier
from steps.train.schedule import make_optimizer, rate_factor

CPU = torch.device("cpu")


def test_the_feed_gives_each_image_with_its_label_in_the_order_asked_for(shards):
    packed = Shards(shards / "train")
    order = np.random.default_rng(3).permutation(len(packed))
    fed = list(batches(packed, order, 30, CPU))
    assert [len(batch) for batch in fed] == [30, 30, 30, 30, 8]
    np.testing.assert_array_equal(torch.cat([batch.images for batch in fed]), packed.images(order))
    np.testing.assert_array_equal(torch.cat([batch.labels for batch in fed]), packed.labels[order])


@pytest.mark.parametrize(("images", "sizes"), [(0, []), (1, []), (8, [8]), (9, [8]), (10, [8, 2])])
def test_the_feed_leaves_out_a_last_batch_below_the_smallest(shards, images, sizes):
    fed = batches(Shards(shards / "train"), np.arange(images), 8, CPU, smallest=2)
    assert [len(batch) for batch in fed] == sizes


def test_an_error_while_reading_reaches_the_loop(shards):
    packed = Shards(shards / "train")
    with pytest.raises(IndexError):
        list(batches(packed, np.array([0, len(packed)]), 1, CPU))


def test_augmentation_mirrors_half_the_images_and_changes_brightness_within_its_bound():
    image = torch.arange(10, 110, dtype=torch.uint8).reshape(1, 1, 100, 1).expand(400, 2, 100, 3)
    changed = augment(image, torch.Generator().manual_seed(0))
    brightness = changed.mean(dim=(1, 2, 3)) / image.float().mean(dim=(1, 2, 3))
    mirrored = changed[:, 0, 0, 0] > changed[:, 0, -1, 0]
    restored = torch.where(mirrored[:, None, None, None], changed.flip(2), changed) / brightness[:, None, None, None]
    torch.testing.assert_close(restored, image.float())
    assert 1 - BRIGHTNESS <= brightness.min() < 0.85
    assert 1.15 < brightness.max() <= 1 + BRIGHTNESS
    assert 0.4 < mirrored.float().mean() < 0.6


def test_augmentation_stays_within_pixel_values():
    changed = augment(torch.full((50, 4, 4, 3), 250, dtype=torch.uint8), torch.Generator().manual_seed(0))
    assert changed.max() == 255


@given(steps=st.integers(1, 5000))
def test_the_learning_rate_rises_to_its_highest_then_falls_and_never_is_zero(steps):
    factors = np.array([rate_factor(step, steps) for step in range(steps)])
    top = factors.argmax()
    assert factors[top] == 1
    assert (np.diff(factors[: top + 1]) > 0).all()
    assert (np.diff(factors[top:]) < 0).all()
    assert factors.min() > 0
    assert top <= 0.1 * steps + 1


def test_norms_and_biases_are_not_decayed():
    model = Classifier("resnet18", 4)
    decayed, free = make_optimizer(model, 1e-3, 0.05).param_groups
    assert decayed["weight_decay"] == 0.05
    assert free["weight_decay"] == 0
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    free_names = {names[id(parameter)] for parameter in free["params"]}
    assert len(names) == len(decayed["params"]) + len(free["params"])
    assert free_names == {name for name in names.values() if "bn" in name or "downsample.1" in name or "bias" in name}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu amx_bf16 amx_tile", True), ("avx512f avx512_bf16", True), ("avx512f avx512_bf162", False), ("avx2", False)],
)
def test_bfloat16_is_used_where_the_cpu_has_its_instructions(tmp_path, flags, expected):
    file = tmp_path / "cpuinfo"
    file.write_text(f"model name\t: some CPU\nflags\t\t: {flags}\n")
    assert cpu_has_bfloat16(file) is expected
    assert cpu_has_bfloat16(tmp_path / "absent") is False


@pytest.mark.parametrize("instance_type", ["ml.g5.xlarge", "ml.p4d.24xlarge", "ml.g4dn.xlarge"])
def test_an_instance_paid_for_its_gpu_does_not_train_on_its_processors(
    instance_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(StepError, match=f"{instance_type} has a GPU, but PyTorch"):
        require_gpu(instance_type)


@pytest.mark.parametrize("instance_type", ["", "ml.c7i.2xlarge", "ml.m5.xlarge", "local_gpu"])
def test_other_machines_train_with_what_they_have(instance_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    require_gpu(instance_type)

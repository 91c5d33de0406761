"""The parts of the loop that know the machine: the feed, the device, the number format."""

import numpy as np
import pytest
import torch

from steps.contract import StepError
from steps.shards import Shards
from steps.train.device import cpu_has_bfloat16, require_gpu
from steps.train.feed import batch_sizes, batches

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
    assert [len(batch) for batch in fed] == sizes == batch_sizes(images, 8, smallest=2)


def test_an_error_while_reading_reaches_the_loop(shards):
    packed = Shards(shards / "train")
    with pytest.raises(IndexError):
        list(batches(packed, np.array([0, len(packed)]), 1, CPU))


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

"""In which order an epoch meets the images."""

import numpy as np
import pytest

from steps.train.recipe.sampler import draw_order

LABELS = np.array([0] * 2000 + [1] * 100 + [3] * 900)


def test_a_shuffled_epoch_meets_every_image_once_in_an_order_of_its_own():
    first, second = (draw_order(LABELS, "shuffle", seed) for seed in (1, 2))
    assert sorted(first) == sorted(second) == list(range(len(LABELS)))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, draw_order(LABELS, "shuffle", 1))


def test_a_balanced_epoch_is_as_long_and_meets_all_classes_equally_often():
    order = draw_order(LABELS, "balanced", 0)
    assert len(order) == len(LABELS)
    shares = np.bincount(LABELS[order]) / len(order)
    assert shares == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3], abs=0.03)
    rare = np.bincount(order)[2000:2100]
    assert rare.min() >= 1, "all images of a class are equally likely"

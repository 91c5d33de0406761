"""What is asked of the network: targets, their loss, blends of images."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from steps.train.recipe.mixup import mixup
from steps.train.recipe.targets import loss_against, target_table

LABELS = torch.tensor([0] * 10 + [1] * 30 + [2] * 50 + [4] * 10)


@given(classes=st.integers(2, 12), softness=st.floats(0, 5), smoothing=st.floats(0, 0.9))
def test_targets_are_probabilities_with_their_largest_at_the_label(classes, softness, smoothing):
    table = target_table(torch.arange(classes), classes, softness, smoothing)
    assert table.shape == (classes, classes)
    assert table.min() >= 0
    torch.testing.assert_close(table.sum(dim=1), torch.ones(classes))
    assert torch.equal(table.argmax(dim=1), torch.arange(classes))


@given(softness=st.floats(0.05, 0.9))
def test_soft_targets_are_symmetric_and_expect_the_label_away_from_the_ends(softness):
    table = target_table(torch.arange(11), 11, softness)
    expected = (table * torch.arange(11)).sum(dim=1)
    torch.testing.assert_close(expected[5], torch.tensor(5.0), atol=1e-4, rtol=0)
    torch.testing.assert_close(table[5], table[5].flip(0))


def test_softness_is_the_standard_deviation_of_the_target():
    row = target_table(torch.arange(21), 21, softness=2.0)[10]
    spread = (row * (torch.arange(21) - 10) ** 2).sum().sqrt()
    assert spread == pytest.approx(2.0, rel=1e-3)


def test_no_softness_is_hard_cross_entropy_and_smoothing_that_of_pytorch():
    logits, labels = torch.randn(32, 5, generator=torch.Generator().manual_seed(0)), torch.arange(32) % 5
    hard, smooth = (target_table(labels, 5, smoothing=share)[labels] for share in (0, 0.1))
    torch.testing.assert_close(loss_against(hard, logits), cross_entropy(logits, labels))
    torch.testing.assert_close(loss_against(smooth, logits), cross_entropy(logits, labels, label_smoothing=0.1))


def test_balanced_targets_let_each_class_present_weigh_the_same_and_all_images_as_before():
    weights = target_table(LABELS, 5, softness=0.5, balanced=True).sum(dim=1)
    by_class = torch.bincount(LABELS, minlength=5) * weights
    torch.testing.assert_close(by_class[[0, 1, 2, 4]], torch.full((4,), 25.0))
    assert weights[LABELS].sum() == pytest.approx(len(LABELS))


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixup_blends_images_and_targets_by_one_share_that_keeps_the_own_label_dominant(alpha):
    images, targets = torch.rand(9, 4, 4, 3), torch.eye(9)
    shares = []
    for seed in range(20):
        mixed, asked = mixup(images, targets, alpha, np.random.default_rng(seed))
        share = asked[0, 0].item()
        torch.testing.assert_close(mixed, share * images + (1 - share) * images.flip(0))
        torch.testing.assert_close(asked, share * targets + (1 - share) * targets.flip(0))
        shares.append(share)
    assert 0.5 <= min(shares) < max(shares) <= 1
    assert len(set(shares)) == 20


def test_mixup_of_strength_0_leaves_everything():
    images, targets = torch.rand(4, 2), torch.eye(4)
    assert all(map(torch.equal, mixup(images, targets, 0, np.random.default_rng(0)), (images, targets)))

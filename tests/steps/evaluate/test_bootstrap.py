"""Intervals by resampling groups of images."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.evaluate.bootstrap import ClusterBootstrap, interval


def answers(images: int, share: float) -> np.ndarray:
    return np.arange(images) < share * images


def test_images_that_stand_alone_have_the_binomial_standard_error():
    right = answers(400, 0.6)
    (resampled,) = ClusterBootstrap(np.arange(400), 4000, seed=1).means(right)
    assert resampled.mean() == pytest.approx(0.6, abs=0.003)
    assert resampled.std() == pytest.approx(math.sqrt(0.6 * 0.4 / 400), rel=0.05)


def test_the_interval_of_many_images_is_the_normal_one():
    right = answers(2000, 0.3)
    (resampled,) = ClusterBootstrap(np.arange(2000), 4000, seed=1).means(right)
    error = math.sqrt(0.3 * 0.7 / 2000)
    assert interval(resampled, 0.95) == pytest.approx((0.3 - 1.96 * error, 0.3 + 1.96 * error), abs=0.1 * error)


@pytest.mark.parametrize("copies", [2, 4, 9])
def test_every_image_copied_widens_nothing_when_copies_are_grouped_and_the_error_is_that_of_the_groups(copies):
    """Copies bring no knowledge: the standard error stays that of the distinct images, not of the many."""
    right = np.repeat(answers(300, 0.5), copies)
    groups = np.repeat(np.arange(300), copies)
    (grouped,) = ClusterBootstrap(groups, 3000, seed=1).means(right)
    (ignored,) = ClusterBootstrap(np.arange(len(right)), 3000, seed=1).means(right)
    assert grouped.std() == pytest.approx(math.sqrt(0.25 / 300), rel=0.06)
    assert grouped.std() / ignored.std() == pytest.approx(math.sqrt(copies), rel=0.08)


def test_several_figures_are_of_the_same_resamples():
    generator = np.random.default_rng(0)
    figure, groups = generator.random(200), generator.integers(0, 50, 200)
    groups = np.unique(groups, return_inverse=True)[1]
    bootstrap = ClusterBootstrap(groups, 500, seed=3)
    first, double = bootstrap.means(figure, 2 * figure)
    assert double == pytest.approx(2 * first)
    assert bootstrap.means(figure)[0] == pytest.approx(first)


def test_another_seed_gives_other_resamples():
    right = answers(100, 0.5)
    one, other = (ClusterBootstrap(np.arange(100), 200, seed).means(right)[0] for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_resamples_are_the_same_however_many_fit_into_memory(monkeypatch):
    figure = np.random.default_rng(0).random(60)
    whole = ClusterBootstrap(np.arange(60), 500, seed=0).means(figure)[0]
    monkeypatch.setattr("steps.evaluate.bootstrap._CELLS_AT_ONCE", 700)
    assert ClusterBootstrap(np.arange(60), 500, seed=0).means(figure)[0] == pytest.approx(whole)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), min_size=1, max_size=40))
def test_class_totals_add_up_to_the_resamples_images(rows):
    classes, groups, right = (np.array(column) for column in zip(*rows, strict=True))
    groups = np.unique(groups, return_inverse=True)[1]
    bootstrap = ClusterBootstrap(groups, 100, seed=0)
    images, hits = bootstrap.class_totals(classes, 4), bootstrap.class_totals(classes, 4, right)
    assert np.all(hits <= images)
    assert bootstrap.means(right)[0] == pytest.approx(hits.sum(axis=1) / images.sum(axis=1))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=50), st.floats(0.5, 0.99))
def test_an_interval_lies_within_the_values_and_grows_with_its_level(values, level):
    low, high = interval(np.array(values), level)
    assert min(values) <= low <= high <= max(values)
    narrower = interval(np.array(values), level / 2)
    assert low <= narrower[0]
    assert narrower[1] <= high


def test_resamples_without_the_figure_are_left_out_of_its_interval():
    assert interval(np.array([np.nan, 2.0, 2.0]), 0.95) == (2, 2)
    assert all(map(math.isnan, interval(np.array([np.nan]), 0.95)))

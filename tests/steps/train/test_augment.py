"""Random changes do what their strengths say, and nothing at strength 0."""

import math

import pytest
import torch
from torch.nn.functional import affine_grid

from steps.train.recipe.affine import random_affine, sampling_grid
from steps.train.recipe.augment import augment, random_flip, random_light
from steps.train.settings import TrainSettings

STILL = TrainSettings(flip_horizontal=0, rotation=0, zoom=0, shift=0, brightness=0, contrast=0)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def images(generator):
    """uint8 [16, 24, 24, 3] of noise."""
    return torch.randint(0, 256, (16, 24, 24, 3), generator=generator, dtype=torch.uint8)


def one_by_one(*values):
    return [torch.tensor([value], dtype=torch.float32) for value in values]


def test_without_strengths_images_are_only_made_floats(images, generator):
    assert torch.equal(augment(images, STILL, generator), images.float())


@pytest.mark.parametrize(
    "strength",
    ["flip_horizontal", "flip_vertical", "rotation", "zoom", "shift", "brightness", "contrast"],
)
def test_each_strength_changes_images_and_keeps_them_within_pixel_values(images, generator, strength):
    changed = augment(images, STILL.model_copy(update={strength: 0.5}), generator)
    assert changed.shape == images.shape
    assert not torch.equal(changed, images.float())
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_the_same_generator_state_gives_the_same_images(images):
    first, again = (augment(images, TrainSettings(), torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize("side", [1, 2])
def test_a_flip_mirrors_the_wanted_share_of_images_and_leaves_the_others(generator, side):
    images = torch.randint(0, 256, (1000, 4, 4, 3), generator=generator, dtype=torch.uint8)
    flipped = random_flip(images, 0.3, side, generator)
    mirrored = (flipped == images.flip(side)).flatten(1).all(dim=1)
    kept = (flipped == images).flatten(1).all(dim=1)
    assert (mirrored | kept).all()
    assert 0.25 < mirrored.float().mean() < 0.35


def test_brightness_scales_and_contrast_stretches_around_the_mean(generator):
    images = 100 + 20 * torch.rand((400, 3, 8, 8), generator=generator)
    means, spreads = images.mean(dim=(1, 2, 3)), images.std(dim=(1, 2, 3))
    lighter = random_light(images, 0.2, 0, generator)
    factors = lighter.mean(dim=(1, 2, 3)) / means
    torch.testing.assert_close(lighter, images * factors.view(-1, 1, 1, 1))
    assert 0.8 <= factors.min() < 0.82
    assert 1.18 < factors.max() <= 1.2
    stronger = random_light(images, 0, 0.5, generator)
    torch.testing.assert_close(stronger.mean(dim=(1, 2, 3)), means)
    ratios = stronger.std(dim=(1, 2, 3)) / spreads
    assert 0.5 <= ratios.min() < 0.52
    assert 1.48 < ratios.max() <= 1.5


def test_a_zero_affine_map_is_the_identity():
    grid = sampling_grid(*one_by_one(0, 1, 0, 0), 9)
    torch.testing.assert_close(grid, affine_grid(torch.eye(2, 3)[None], [1, 3, 9, 9], align_corners=False))


def test_the_grid_is_that_of_pytorchs_matrices(generator):
    angle, right, down = torch.rand(3, 5, generator=generator) - 0.5
    scale = 0.5 + torch.rand(5, generator=generator)
    cos, sin = angle.cos() / scale, angle.sin() / scale
    x, y = -2 * right, -2 * down
    rows = [torch.stack([cos, -sin, cos * x - sin * y], 1), torch.stack([sin, cos, sin * x + cos * y], 1)]
    expected = affine_grid(torch.stack(rows, 1), [5, 3, 12, 12], align_corners=False)
    torch.testing.assert_close(sampling_grid(angle, scale, right, down, 12), expected)


def apply(image, angle=0.0, scale=1.0, right=0.0, down=0.0):
    grid = sampling_grid(*one_by_one(angle, scale, right, down), image.shape[-1])
    return torch.nn.functional.grid_sample(image, grid, padding_mode="border", align_corners=False)


def test_a_quarter_turn_turns_a_shift_shifts_and_a_zoom_enlarges(generator):
    image = torch.rand((1, 3, 12, 12), generator=generator)
    torch.testing.assert_close(apply(image, angle=math.pi / 2), image.rot90(1, (2, 3)), atol=1e-4, rtol=0)
    torch.testing.assert_close(apply(image, right=0.25)[..., 3:], image[..., :-3], atol=1e-4, rtol=0)
    torch.testing.assert_close(apply(image, down=0.25)[..., 3:, :], image[..., :-3, :], atol=1e-4, rtol=0)
    block = torch.zeros(1, 1, 12, 12)
    block[..., 4:8, 4:8] = 1
    assert apply(block, scale=2.0).sum().item() == pytest.approx(4 * 16, rel=0.15)


def test_each_image_gets_its_own_map_within_the_bounds(generator):
    dot = torch.zeros(300, 3, 41, 41)
    dot[..., 20, 20] = 1
    moved = random_affine(dot, rotation=0, zoom=0, shift=0.2, generator=generator)[:, 0]
    places = torch.arange(41.0)
    right = (moved.sum(dim=1) * places).sum(dim=1) / 41 - 20 / 41
    down = (moved.sum(dim=2) * places).sum(dim=1) / 41 - 20 / 41
    for shift in (right, down):
        assert -0.2 - 1e-4 <= shift.min() < -0.18
        assert 0.18 < shift.max() <= 0.2 + 1e-4
    assert torch.corrcoef(torch.stack([right, down]))[0, 1].abs() < 0.2

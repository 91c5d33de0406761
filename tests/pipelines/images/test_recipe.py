"""What an image's hash follows from, and what its build context holds."""

import shutil
from pathlib import Path

import pytest

from pipelines.code import read_bundle
from pipelines.images.recipe import IMAGES, REPOSITORY, Recipe, read_recipe


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the images are made of, to change."""
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    for folder in ("containers", "steps"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    return tmp_path


def inputs(checkout: Path) -> dict[str, str]:
    return {image: read_recipe(image, repository=checkout).inputs for image in IMAGES}


def test_two_checkouts_have_the_same_inputs(checkout: Path) -> None:
    assert inputs(checkout) == inputs(REPOSITORY)


@pytest.mark.parametrize(
    ("changed", "images"),
    [
        ("constraints.txt", {"processing", "training", "serving"}),
        ("containers/requirements.py", {"processing", "training", "serving"}),
        ("containers/training/Dockerfile", {"training"}),
        ("containers/training/bin/train", {"training"}),
        ("steps/serve/app.py", {"serving"}),
        ("steps/images.py", {"serving"}),  # serve imports it
        ("steps/train/loop.py", set()),  # travels with the job
        ("steps/serve/step.py", set()),  # a declaration, were there one
    ],
)
def test_an_image_is_built_again_when_something_in_it_changes_and_only_then(
    checkout: Path, changed: str, images: set[str]
) -> None:
    before = inputs(checkout)
    with (checkout / changed).open("a") as file:
        file.write("\n# changed\n")
    after = inputs(checkout)
    assert {image for image in IMAGES if after[image] != before[image]} == images


def test_build_arguments_are_inputs_too() -> None:
    recipes = [
        read_recipe("training"),
        read_recipe("training", base="debian"),
        read_recipe("training", instead="debian"),
    ]
    assert len({recipe.inputs for recipe in recipes}) == 3
    assert [recipe.arguments for recipe in recipes] == [{}, {"BASE": "debian"}, {"INSTEAD": "debian"}]


def test_the_context_is_the_repository_without_what_the_image_does_not_need(tmp_path: Path) -> None:
    recipe: Recipe = read_recipe("serving")
    recipe.write(tmp_path)
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    own = {"pyproject.toml", "constraints.txt", "containers/requirements.py", "containers/serving/Dockerfile"}
    assert written == own | {"containers/serving/bin/serve"} | {name for name, _ in read_bundle("serve").files}
    assert (tmp_path / "containers/serving/bin/serve").stat().st_mode & 0o111 == 0o111
    assert (tmp_path / recipe.dockerfile).read_bytes() == (REPOSITORY / recipe.dockerfile).read_bytes()

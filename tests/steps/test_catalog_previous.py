"""An earlier catalog: what was once in the test set stays in the test set."""

import logging
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.catalog.catalog import catalog
from steps.catalog.census import LabelledImage
from steps.catalog.placement import PREFERENCE, allowed_splits
from steps.catalog.previous import Previous
from steps.catalog.settings import SPLITS, CatalogSettings
from steps.catalog.split import assign_splits
from steps.catalog_files import read_images
from steps.contract import StepError

FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}
IMAGES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), min_size=1, max_size=120)


def place(images: list[LabelledImage], previous: Previous, seed: int) -> dict[str, str]:
    allowed = allowed_splits(images, previous)
    return assign_splits([image.label for image in images], [image.group for image in images], allowed, FRACTIONS, seed)


def labelled(images: list[tuple[int, int]]) -> list[LabelledImage]:
    return [LabelledImage(str(number), "", label, f"g{group}") for number, (label, group) in enumerate(images)]


def catalog_of(images: list[LabelledImage], splits: dict[str, str]) -> Previous:
    return Previous({image.id: splits[image.group] for image in images}, splits)


@given(IMAGES, IMAGES, st.integers(0, 3), st.integers(0, 3))
def test_groups_keep_their_split_as_data_grow(
    old: list[tuple[int, int]], new: list[tuple[int, int]], seed: int, other_seed: int
) -> None:
    before = place(labelled(old), Previous({}, {}), seed)
    after = place(labelled(old + new), catalog_of(labelled(old), before), other_seed)
    assert {group: after[group] for group in before} == before
    assert set(after) == {image.group for image in labelled(old + new)}


@given(st.lists(st.integers(0, 8), min_size=1, max_size=60), st.integers(0, 3))
def test_groups_that_join_keep_every_image_of_the_test_set_in_the_test_set(joined: list[int], seed: int) -> None:
    alone = [LabelledImage(str(number), "", 0, f"old{number}") for number in range(len(joined))]
    before = catalog_of(alone, place(alone, Previous({}, {}), seed))
    images = [LabelledImage(str(number), "", 0, f"new{group}") for number, group in enumerate(joined)]
    after = place(images, before, seed)
    claims: dict[str, set[str]] = defaultdict(set)
    for image in images:
        claims[image.group].add(before.by_image[image.id])
    assert after == {group: min(splits, key=PREFERENCE.index) for group, splits in claims.items()}


def test_a_group_is_known_by_its_name_when_all_its_images_are_new() -> None:
    previous = Previous({"gone": "test"}, {"g": "test"})
    assert allowed_splits([LabelledImage("new", "", 0, "g")], previous) == {"g": ("test",)}


def test_an_earlier_catalog_comes_before_the_sources_own_splits() -> None:
    images = [LabelledImage("known", "", 0, "g", "train"), LabelledImage("other", "", 0, "h", "test")]
    images.append(LabelledImage("third", "", 0, "i", "validation"))
    allowed = allowed_splits(images, Previous({"known": "validation"}, {}))
    assert allowed == {"g": ("validation",), "h": ("test",), "i": ("validation",)}


# --- the step


def run(folder: Path, output: Path, **values: Any) -> dict[str, str]:
    catalog(CatalogSettings(source=folder.as_uri(), **values), output)
    return {image.id: image.split for image in read_images(output)}


def test_the_test_set_of_a_bucket_stays_when_photos_are_added(
    small_source: Path, tmp_path: Path, add_bin: Callable[..., None], upload: Callable[..., str]
) -> None:
    before = run(small_source, tmp_path / "first", seed=1)
    uri = upload(tmp_path / "first", "earlier") + "/catalog.parquet"
    for number in range(60, 240):  # the first 60 show bins that are there, the others new ones
        add_bin(small_source, f"{number:05d}", number % 6, (f"A{number - 60}",) if number < 120 else (f"A{number}",))
    after = run(small_source, tmp_path / "second", seed=2, previous=uri)
    assert {image: after[image] for image in before} == before
    assert {image: after[f"{int(image) + 60:05d}"] for image in before} == before
    assert {split: list(after.values()).count(split) for split in SPLITS} == {
        "train": 192,
        "validation": 24,
        "test": 24,
    }
    assert run(small_source, tmp_path / "anew", seed=2) != after


def test_groups_that_join_two_splits_are_logged(
    small_source: Path, tmp_path: Path, add_bin: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    before = run(small_source, tmp_path / "first")
    one, other = (next(image for image, split in before.items() if split == wanted) for wanted in ("train", "test"))
    for image in (one, other):
        add_bin(small_source, image, int(image) % 6, ("joined",))
    with caplog.at_level(logging.INFO):
        after = run(small_source, tmp_path / "second", previous=(tmp_path / "first" / "catalog.parquet").as_uri())
    assert after == before | {one: "test"}
    assert "1 groups join images of different splits of the previous catalog" in caplog.text
    assert "59 of 59 groups keep their split" in caplog.text


def test_a_previous_catalog_of_something_else_is_noticed(
    small_source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = {"id": ["else"], "group": ["g"], "split": ["test"]}
    pq.write_table(pa.table(table), tmp_path / "previous.parquet")
    with caplog.at_level(logging.WARNING):
        run(small_source, tmp_path / "out", previous=(tmp_path / "previous.parquet").as_uri())
    assert "is it a catalog of this source?" in caplog.text


def test_what_is_no_catalog_is_refused(small_source: Path, tmp_path: Path) -> None:
    file = tmp_path / "previous.parquet"

    def refused(message: str) -> None:
        with pytest.raises(StepError, match=f"{file.as_uri()}.*{message}"):
            run(small_source, tmp_path / "out", previous=file.as_uri())

    refused("does not exist")
    file.write_bytes(b"PAR1 no parquet PAR1")
    refused("is not a catalog.parquet")
    pq.write_table(pa.table({"id": ["1"], "group": ["g"], "split": ["holdout"]}), file)
    refused("has a split 'holdout'")
    pq.write_table(pa.table({"id": ["1"]}), file)
    refused("is not a catalog.parquet")

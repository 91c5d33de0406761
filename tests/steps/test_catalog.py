"""The catalog: every image has its label, its group and its split, or a reason why not."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.catalog.abid import BadLabelError, BinLabel, parse_metadata
from steps.catalog.catalog import catalog
from steps.catalog.settings import CatalogSettings
from steps.catalog.split import assign_splits
from steps.catalog_files import read_images, read_quarantine, read_summary
from steps.contract import StepError

FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}


def settings(source: Path | str, **values: Any) -> CatalogSettings:
    return CatalogSettings(source=source if isinstance(source, str) else source.as_uri(), **values)


def quarantined(output: Path) -> dict[str, str]:
    return {row.id: row.reason for row in read_quarantine(output / "quarantine.parquet")}


# --- one metadata file


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a JSON object"),
        (b"{", "not a JSON object"),
        (b"\xff\xfe", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b"[" * 100_000, "not a JSON object"),
        (b"{}", "metadata has no EXPECTED_QUANTITY"),
        (b'{"EXPECTED_QUANTITY": -1}', "EXPECTED_QUANTITY is '-1'"),
        (b'{"EXPECTED_QUANTITY": 2.5}', "EXPECTED_QUANTITY is '2.5'"),
        (b'{"EXPECTED_QUANTITY": "3"}', "EXPECTED_QUANTITY is '3'"),
        (b'{"EXPECTED_QUANTITY": true}', "EXPECTED_QUANTITY is 'True'"),
        (b'{"EXPECTED_QUANTITY": null}', "EXPECTED_QUANTITY is 'None'"),
        (b'{"EXPECTED_QUANTITY": 1, "BIN_FCSKU_DATA": []}', "BIN_FCSKU_DATA is"),
    ],
)
def test_metadata_without_a_usable_label_tells_why(content: bytes, reason: str) -> None:
    with pytest.raises(BadLabelError) as error:
        parse_metadata(content, "00001")
    assert reason in str(error.value)


@given(st.binary(max_size=100) | st.text(max_size=100).map(json.dumps).map(str.encode))
def test_bytes_that_are_no_metadata_never_give_a_label(content: bytes) -> None:
    with pytest.raises(BadLabelError, match=r"^metadata"):
        parse_metadata(content, "00001")


@given(st.integers(0, 1000), st.dictionaries(st.text(max_size=10), st.just({}), min_size=1), st.randoms())
def test_the_group_depends_on_the_set_of_products_only(count: int, items: dict[str, Any], random: Any) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)
    other = {"BIN_FCSKU_DATA": {asin: {"quantity": 3} for asin in shuffled}, "EXPECTED_QUANTITY": count + 1}
    one = parse_metadata(json.dumps({"EXPECTED_QUANTITY": count, "BIN_FCSKU_DATA": items}).encode(), "1")
    assert one.count == count
    assert one.group == parse_metadata(json.dumps(other).encode(), "2").group


def test_images_without_product_data_are_groups_of_their_own() -> None:
    contents = [b'{"EXPECTED_QUANTITY": 0, "BIN_FCSKU_DATA": {}}', b'{"EXPECTED_QUANTITY": 0}']
    groups = {parse_metadata(content, image_id).group for content in contents for image_id in ("1", "2")}
    product = parse_metadata(b'{"EXPECTED_QUANTITY": 0, "BIN_FCSKU_DATA": {"1": {}}}', "1")
    assert len(groups) == 2
    assert product == BinLabel(0, product.group)
    assert product.group not in groups


# --- the split


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40).map(str)), min_size=1, max_size=300),
    st.integers(0, 3),
    st.randoms(),
)
def test_a_split_is_of_whole_groups_and_blind_to_the_order(
    images: list[tuple[int, str]], seed: int, random: Any
) -> None:
    chosen = assign_splits(*zip(*images, strict=True), FRACTIONS, seed)
    assert set(chosen) == {group for _, group in images}
    assert set(chosen.values()) <= set(FRACTIONS)
    random.shuffle(images)
    assert assign_splits(*zip(*images, strict=True), FRACTIONS, seed) == chosen


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=400),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
    st.integers(0, 3),
)
def test_images_that_share_nothing_are_divided_within_one_image_of_the_wanted_share(
    labels: list[int], validation: float, test: float, seed: int
) -> None:
    fractions = {"train": 1 - validation - test, "validation": validation, "test": test}
    groups = [str(number) for number in range(len(labels))]
    chosen = assign_splits(labels, groups, fractions, seed)
    for label in set(labels):
        mine = [chosen[group] for group, own in zip(groups, labels, strict=True) if own == label]
        for split, fraction in fractions.items():
            assert abs(mine.count(split) - fraction * len(mine)) < 1


def test_a_class_of_few_images_reaches_every_split() -> None:
    chosen = assign_splits([0] * 6, list("abcdef"), FRACTIONS, seed=0)
    assert sorted(chosen.values()) == ["test", "train", "train", "train", "train", "validation"]


def test_large_groups_go_to_every_split_and_not_only_to_the_largest() -> None:
    groups = [f"pair{number // 2}" if number < 200 else f"single{number}" for number in range(400)]
    chosen = assign_splits([0] * 400, groups, FRACTIONS, seed=0)
    pairs = [split for group, split in chosen.items() if group.startswith("pair")]
    assert {split: pairs.count(split) for split in FRACTIONS} == {"train": 80, "validation": 10, "test": 10}


def test_another_seed_divides_otherwise() -> None:
    groups = [str(number) for number in range(100)]
    assert assign_splits([0] * 100, groups, FRACTIONS, 0) != assign_splits([0] * 100, groups, FRACTIONS, 1)


# --- the step


def test_a_folder_is_catalogued_with_labels_uris_and_shares(small_source: Path, tmp_path: Path) -> None:
    summary = catalog(settings(small_source), tmp_path / "out")
    images = read_images(tmp_path / "out")
    assert [image.id for image in images] == [f"{number:05d}" for number in range(60)]
    assert [image.label for image in images] == [number % 6 for number in range(60)]
    assert images[7].uri == (small_source / "bin-images" / "00007.jpg").as_uri()
    assert summary.images == {"train": (8,) * 6, "validation": (1,) * 6, "test": (1,) * 6}
    assert summary.groups == {"train": 48, "validation": 6, "test": 6}
    assert summary == read_summary(tmp_path / "out")
    assert summary.classes == ("0", "1", "2", "3", "4", "5")


def test_a_bucket_gives_the_catalog_of_the_folder_it_was_copied_from(
    small_source: Path, tmp_path: Path, upload: Callable[..., str]
) -> None:
    uri = upload(small_source, "bins")
    catalog(settings(small_source), tmp_path / "local")
    catalog(settings(uri + "/", concurrency=4), tmp_path / "s3")
    rows = [
        [(row.id, row.label, row.group, row.split) for row in read_images(tmp_path / kind)] for kind in ("local", "s3")
    ]
    assert rows[0] == rows[1]
    assert read_images(tmp_path / "s3")[0].uri == f"{uri}/bin-images/00000.jpg"


def test_the_same_source_gives_the_same_bytes(small_source: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        catalog(settings(small_source), tmp_path / name)
    for file in ("catalog.parquet", "quarantine.parquet", "catalog.json"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_what_cannot_be_used_is_quarantined_with_its_reason_and_everything_is_accounted_for(
    small_source: Path, tmp_path: Path, add_bin: Callable[..., None]
) -> None:
    add_bin(small_source, "no-metadata", None)
    add_bin(small_source, "no-image", 2, image=None)
    add_bin(small_source, "negative", -1)
    add_bin(small_source, "word", "two")
    add_bin(small_source, "many", 6)
    add_bin(small_source, "broken", 1)
    (small_source / "metadata" / "broken.json").write_text('{"EXPECTED_QUANTITY": 1')
    add_bin(small_source, "huge", 1)
    (small_source / "metadata" / "huge.json").write_bytes(b" " * (5 * 2**20))
    (small_source / "bin-images" / "notes.txt").write_text("hello")
    (small_source / "metadata" / "index.html").write_text("hello")
    summary = catalog(settings(small_source), tmp_path / "out")
    reasons = quarantined(tmp_path / "out")
    assert list(reasons) == sorted(reasons)
    assert {name: reason.partition(":")[0] for name, reason in reasons.items()} == {
        "broken": "metadata is not a JSON object",
        "huge": "metadata larger than allowed",
        "index.html": "in metadata but not a .json file",
        "negative": "metadata's EXPECTED_QUANTITY is '-1'",
        "no-image": "no image",
        "no-metadata": "no metadata file",
        "notes.txt": "in bin-images but not a .jpg file",
        "word": "metadata's EXPECTED_QUANTITY is 'two'",
    }
    assert (summary.found, summary.left_out, summary.quarantined) == (69, 1, 8)
    assert sum(map(sum, summary.images.values())) == 60


def test_ids_that_differ_in_padding_only_are_different_images(
    small_source: Path, tmp_path: Path, add_bin: Callable[..., None]
) -> None:
    add_bin(small_source, "7", 3)
    catalog(settings(small_source), tmp_path / "out")
    labels = {image.id: image.label for image in read_images(tmp_path / "out")}
    assert (labels["7"], labels["00007"]) == (3, 1)


def test_bins_of_the_same_products_share_a_split(tmp_path: Path, add_bin: Callable[..., None]) -> None:
    for number in range(120):
        add_bin(tmp_path / "in", f"{number:05d}", number % 2, (f"A{number // 4}", "B"))
    catalog(settings(tmp_path / "in", max_count=1), tmp_path / "out")
    splits = defaultdict(set)
    for image in read_images(tmp_path / "out"):
        splits[int(image.id) // 4].add(image.split)
    assert all(len(found) == 1 for found in splits.values())
    assert set.union(*splits.values()) == set(FRACTIONS)


def test_counts_without_images_are_named_with_the_way_out(tmp_path: Path, add_bin: Callable[..., None]) -> None:
    for number, count in enumerate((0, 1, 2, 4)):
        add_bin(tmp_path / "in", str(number), count)
    with pytest.raises(StepError, match=r"has a count of 3, 5 \(max_count is 5\): lower max_count to 2 or add images$"):
        catalog(settings(tmp_path / "in"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_lowest_count_is_not_answered_with_an_impossible_advice(
    tmp_path: Path, add_bin: Callable[..., None]
) -> None:
    add_bin(tmp_path / "in", "1", 1)
    with pytest.raises(StepError, match=r"has a count of 0 \(max_count is 1\): add images$"):
        catalog(settings(tmp_path / "in", max_count=1), tmp_path / "out")


def test_an_empty_or_missing_source_is_one_clear_sentence(tmp_path: Path, bucket: Any) -> None:
    for source in ((tmp_path / "nowhere").as_uri(), f"s3://{bucket.name}/nothing"):
        with pytest.raises(StepError, match=rf"^{source} is empty or does not exist: it must hold bin-images/"):
            catalog(settings(source), tmp_path / "out")


def test_a_source_without_one_pair_or_without_one_label_says_so(tmp_path: Path, add_bin: Callable[..., None]) -> None:
    add_bin(tmp_path / "in", "1", None)
    with pytest.raises(
        StepError, match=r"no image in .* has a metadata file of its name: .* the first: no metadata file"
    ):
        catalog(settings(tmp_path / "in"), tmp_path / "out")
    add_bin(tmp_path / "in", "1", "x")
    with pytest.raises(
        StepError, match=r"none of the 1 images in .* has a label; the first: .*EXPECTED_QUANTITY is 'x'"
    ):
        catalog(settings(tmp_path / "in"), tmp_path / "out")


def test_fractions_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(ValueError, match="their sum must be below 1"):
        CatalogSettings(source="s3://b", validation_fraction=0.5, test_fraction=0.5)


# --- real photos


@pytest.mark.parametrize(
    ("folder", "by_count", "left_out", "lost_products"),
    [("bucket", [1, 91, 196, 256, 218, 138], 150, 0), ("bucket-224", [160, 895, 1787, 2139, 1903, 1409], 0, 544)],
)
def test_real_photos_are_all_accounted_for_and_no_set_of_products_crosses_splits(
    folder: str,
    by_count: list[int],
    left_out: int,
    lost_products: int,
    real_photos: Callable[..., Path],
    tmp_path: Path,
) -> None:
    source = real_photos(folder)
    summary = catalog(settings(source), tmp_path)
    images = read_images(tmp_path)
    assert [sum(column) for column in zip(*summary.images.values(), strict=True)] == by_count
    assert (summary.left_out, summary.quarantined) == (left_out, 0)

    splits = defaultdict(set)
    without_products = []
    for image in images:
        metadata = json.loads((source / "metadata" / f"{image.id}.json").read_bytes())
        assert metadata["EXPECTED_QUANTITY"] == image.label
        if metadata["BIN_FCSKU_DATA"]:
            splits[frozenset(metadata["BIN_FCSKU_DATA"])].add(image.split)
        else:
            without_products.append(image)
    assert all(len(found) == 1 for found in splits.values())
    assert len([image for image in without_products if image.label > 0]) == lost_products
    assert len({image.group for image in without_products}) == len(without_products)
    assert sum(summary.groups.values()) == len(splits) + len(without_products)


def test_real_photos_are_divided_within_one_image_per_class_of_the_wanted_shares(
    real_photos: Callable[..., Path], tmp_path: Path
) -> None:
    summary = catalog(settings(real_photos("bucket-224")), tmp_path)
    totals = [sum(column) for column in zip(*summary.images.values(), strict=True)]
    for split, fraction in FRACTIONS.items():
        for count, total in zip(summary.images[split], totals, strict=True):
            assert abs(count - fraction * total) <= 1


# --- in its container


def test_the_step_runs_under_the_container_contract(small_source: Path, tmp_path: Path) -> None:
    base = tmp_path / "ml"
    (base / "config").mkdir(parents=True)
    output = {"OutputName": "catalog", "S3Output": {"LocalPath": "/opt/ml/processing/catalog"}}
    config = {"ProcessingOutputConfig": {"Outputs": [output]}}
    (base / "config" / "processingjobconfig.json").write_text(json.dumps(config))
    (base / "config" / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
    done = subprocess.run(
        [sys.executable, "-m", "steps.catalog", "--source", small_source.as_uri(), "--seed", "3"],
        env=os.environ | {"SAGEMAKER_BASE_DIR": str(base)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(read_images(base / "processing" / "catalog")) == 60
    assert "read 60 of 60 labels" in done.stdout

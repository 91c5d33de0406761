"""The catalog: every image has its label, its group and its split, or a reason why not."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steps.bin_records import BadLabelError, BinLabel, parse_metadata
from steps.catalog.catalog import catalog
from steps.catalog.settings import CatalogSettings
from steps.catalog.split import assign_splits
from steps.catalog_files import read_images, read_quarantine, read_summary
from steps.contract import StepError

FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}


def catalog_settings(source: Path | str, **values: Any) -> CatalogSettings:
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
    assert product == BinLabel(0, product.group, 1, ())
    assert product.group not in groups


@pytest.mark.parametrize(
    ("items", "quantity", "kinds", "names"),
    [
        ({"B2": {"name": "ball", "quantity": 2}, "B1": {"name": "axe"}}, 3, 2, ("axe", "ball")),
        ({"B1": {"quantity": 1}, "B2": {"name": None}, "B3": {"name": 7}, "B4": None, "B5": []}, 5, 5, ()),
        ({}, 0, 0, ()),
        ({}, 2, None, None),
    ],
    ids=["named", "nameless", "empty bin", "lost"],
)
def test_a_label_tells_how_many_products_and_which_unless_that_was_lost(
    items: dict[str, Any], quantity: int, kinds: int | None, names: tuple[str, ...] | None
) -> None:
    label = parse_metadata(json.dumps({"EXPECTED_QUANTITY": quantity, "BIN_FCSKU_DATA": items}).encode(), "1")
    assert (label.items, label.names) == (kinds, names)


# --- the split


def anywhere(groups: list[str]) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(groups, tuple(FRACTIONS))


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40).map(str)), min_size=1, max_size=300),
    st.integers(0, 3),
    st.randoms(),
)
def test_a_split_is_of_whole_groups_and_blind_to_the_order(
    images: list[tuple[int, str]], seed: int, random: Any
) -> None:
    allowed = anywhere([group for _, group in images])
    chosen = assign_splits(*zip(*images, strict=True), allowed, FRACTIONS, seed)
    assert set(chosen) == set(allowed)
    assert set(chosen.values()) <= set(FRACTIONS)
    random.shuffle(images)
    assert assign_splits(*zip(*images, strict=True), allowed, FRACTIONS, seed) == chosen


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
    chosen = assign_splits(labels, groups, anywhere(groups), fractions, seed)
    for label in set(labels):
        mine = [chosen[group] for group, own in zip(groups, labels, strict=True) if own == label]
        for split, fraction in fractions.items():
            assert abs(mine.count(split) - fraction * len(mine)) < 1


def test_a_class_of_few_images_reaches_every_split() -> None:
    chosen = assign_splits([0] * 6, list("abcdef"), anywhere(list("abcdef")), FRACTIONS, seed=0)
    assert sorted(chosen.values()) == ["test", "train", "train", "train", "train", "validation"]


def test_large_groups_go_to_every_split_and_not_only_to_the_largest() -> None:
    groups = [f"pair{number // 2}" if number < 200 else f"single{number}" for number in range(400)]
    chosen = assign_splits([0] * 400, groups, anywhere(groups), FRACTIONS, seed=0)
    pairs = [split for group, split in chosen.items() if group.startswith("pair")]
    assert {split: pairs.count(split) for split in FRACTIONS} == {"train": 80, "validation": 10, "test": 10}


def test_another_seed_divides_otherwise() -> None:
    groups = [str(number) for number in range(100)]
    one, other = (assign_splits([0] * 100, groups, anywhere(groups), FRACTIONS, seed) for seed in (0, 1))
    assert one != other


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(2, 6), st.booleans())
@settings(max_examples=40)
def test_class_shares_of_each_split_are_within_one_point_of_the_whole_for_groups_small_beside_the_split(
    seed: int, largest: int, classes: int, mixed: bool
) -> None:
    random = np.random.default_rng(seed)
    sizes = random.integers(1, largest + 1, 1200)
    weights = random.dirichlet(np.full(classes, 3.0))
    own = random.choice(classes, len(sizes), p=weights)
    groups = [f"g{number}" for number, size in enumerate(sizes) for _ in range(size)]
    labels = [
        int(random.choice(classes, p=weights)) if mixed else int(own[number])
        for number, size in enumerate(sizes)
        for _ in range(size)
    ]
    chosen = assign_splits(labels, groups, anywhere(groups), FRACTIONS, seed)
    whole = np.bincount(labels, minlength=classes) / len(labels)
    for split, fraction in FRACTIONS.items():
        mine = [label for label, group in zip(labels, groups, strict=True) if chosen[group] == split]
        assert len(mine) / len(labels) == pytest.approx(fraction, abs=0.01)
        assert np.abs(np.bincount(mine, minlength=classes) / len(mine) - whole).max() <= 0.01


def test_a_group_without_a_choice_is_counted_before_others_are_placed() -> None:
    groups = [str(number) for number in range(100)]
    allowed = anywhere(groups) | dict.fromkeys(groups[:10], ("test",))
    chosen = assign_splits([0] * 100, groups, allowed, FRACTIONS, seed=0)
    assert {group for group, split in chosen.items() if split == "test"} == set(groups[:10])


# --- the step


def test_a_folder_is_catalogued_with_labels_uris_and_shares(small_source: Path, tmp_path: Path) -> None:
    summary = catalog(catalog_settings(small_source), tmp_path / "out")
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
    catalog(catalog_settings(small_source), tmp_path / "local")
    catalog(catalog_settings(uri + "/", concurrency=4), tmp_path / "s3")
    rows = [
        [(row.id, row.label, row.group, row.split) for row in read_images(tmp_path / kind)] for kind in ("local", "s3")
    ]
    assert rows[0] == rows[1]
    assert read_images(tmp_path / "s3")[0].uri == f"{uri}/bin-images/00000.jpg"


def test_the_public_bucket_is_catalogued_without_credentials(
    small_source: Path, tmp_path: Path, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = bucket.meta.client
    public.create_bucket(Bucket="aft-vbi-pds", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for file in small_source.rglob("*.*"):
        key = file.relative_to(small_source).as_posix()
        public.put_object(Bucket="aft-vbi-pds", Key=key, Body=file.read_bytes(), ACL="public-read")
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "7")  # AWS answers 1,000
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    summary = catalog(catalog_settings("s3://aft-vbi-pds", concurrency=16), tmp_path / "out")
    assert (summary.found, summary.quarantined) == (60, 0)
    assert read_images(tmp_path / "out")[59].uri == "s3://aft-vbi-pds/bin-images/00059.jpg"


def test_the_same_source_gives_the_same_bytes(small_source: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        catalog(catalog_settings(small_source), tmp_path / name)
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
    summary = catalog(catalog_settings(small_source, max_bad_fraction=0.2), tmp_path / "out")
    reasons = quarantined(tmp_path / "out")
    assert list(reasons) == sorted(reasons)
    assert {name: reason.partition(":")[0] for name, reason in reasons.items()} == {
        "bin-images/notes.txt": "in bin-images but not a .jpg file",
        "broken": "metadata is not a JSON object",
        "huge": "metadata larger than allowed",
        "metadata/index.html": "in metadata but not a .json file",
        "negative": "metadata's EXPECTED_QUANTITY is '-1'",
        "no-image": "no image",
        "no-metadata": "no metadata file",
        "word": "metadata's EXPECTED_QUANTITY is 'two'",
    }
    assert (summary.found, summary.left_out, summary.quarantined) == (69, 1, 8)
    assert sum(map(sum, summary.images.values())) == 60


def test_objects_with_odd_keys_are_quarantined_and_stop_nothing(
    small_source: Path, tmp_path: Path, upload: Callable[..., str], bucket: Any, photo: Callable[..., bytes]
) -> None:
    source = upload(small_source, "bins")
    for name in ("a//b", "c\x01d"):
        bucket.put_object(Key=f"bins/bin-images/{name}.jpg", Body=photo())
        bucket.put_object(Key=f"bins/metadata/{name}.json", Body=b'{"EXPECTED_QUANTITY": 1}')
    bucket.put_object(Key="bins/bin-images/../e.jpg", Body=photo())
    summary = catalog(catalog_settings(source, max_bad_fraction=0.05), tmp_path)
    assert (summary.found, summary.quarantined, len(read_images(tmp_path))) == (63, 3, 60)
    assert quarantined(tmp_path) == {
        "a//b": "metadata cannot be read: its name begins or ends with a slash, or has two together",
        "c\x01d": r"metadata cannot be read: its name has a control character, '\x01'",
        "../e": "no metadata file",
    }


def test_ids_that_differ_in_padding_only_are_different_images(
    small_source: Path, tmp_path: Path, add_bin: Callable[..., None]
) -> None:
    add_bin(small_source, "7", 3)
    catalog(catalog_settings(small_source), tmp_path / "out")
    labels = {image.id: image.label for image in read_images(tmp_path / "out")}
    assert (labels["7"], labels["00007"]) == (3, 1)


def test_bins_of_the_same_products_share_a_split(tmp_path: Path, add_bin: Callable[..., None]) -> None:
    for number in range(120):
        add_bin(tmp_path / "in", f"{number:05d}", number % 2, (f"A{number // 4}", "B"))
    catalog(catalog_settings(tmp_path / "in", max_count=1), tmp_path / "out")
    splits = defaultdict(set)
    for image in read_images(tmp_path / "out"):
        splits[int(image.id) // 4].add(image.split)
    assert all(len(found) == 1 for found in splits.values())
    assert set.union(*splits.values()) == set(FRACTIONS)


def test_counts_without_images_are_named_with_the_commonest_reasons(
    tmp_path: Path, add_bin: Callable[..., None]
) -> None:
    for number, count in enumerate((0, 1, 2, 4, "3", None)):
        add_bin(tmp_path / "in", str(number), count)
    with pytest.raises(StepError, match=r"no usable image in .* is of class 3, 5: add images, or .*: metadata's EXP"):
        catalog(catalog_settings(tmp_path / "in", max_bad_fraction=0.9), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_counts_begin_where_the_settings_say(small_source: Path, tmp_path: Path) -> None:
    summary = catalog(catalog_settings(small_source, min_count=2, max_count=4), tmp_path / "out")
    assert summary.classes == ("2", "3", "4")
    assert (summary.found, summary.left_out) == (60, 30)
    assert {int(image.id) % 6 - 2 - image.label for image in read_images(tmp_path / "out")} == {0}


def test_a_larger_sample_holds_a_smaller_and_what_is_not_sampled_is_left_out(
    tmp_path: Path, add_bin: Callable[..., None]
) -> None:
    for number in range(400):
        add_bin(tmp_path / "in", str(number), number % 2)
    samples = []
    for fraction in (0.2, 0.5, 1.0):
        chosen = catalog_settings(tmp_path / "in", max_count=1, sample_fraction=fraction)
        summary = catalog(chosen, tmp_path / str(fraction))
        samples.append({image.id for image in read_images(tmp_path / str(fraction))})
        assert summary.found == 400 == len(samples[-1]) + summary.left_out
        assert len(samples[-1]) == pytest.approx(400 * fraction, abs=40)
    assert samples[0] < samples[1] < samples[2]


def test_too_many_bad_images_fail_the_step_with_the_commonest_reasons(
    small_source: Path, tmp_path: Path, add_bin: Callable[..., None]
) -> None:
    for number in range(3):
        add_bin(small_source, f"word{number}", f"{number}!")
    add_bin(small_source, "alone", None)
    message = (
        r"^4 of 64 images in .* cannot be used, more than max_bad_fraction \(0.02\) allows: "
        r"metadata's EXPECTED_QUANTITY is '0!' \(1, such as word0\); .*"
    )
    with pytest.raises(StepError, match=message):
        catalog(catalog_settings(small_source), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    catalog(catalog_settings(small_source, max_bad_fraction=0.0625), tmp_path / "out")


def test_an_empty_or_missing_source_is_one_clear_sentence(tmp_path: Path, bucket: Any) -> None:
    for source in ((tmp_path / "nowhere").as_uri(), f"s3://{bucket.name}/nothing"):
        with pytest.raises(StepError, match=rf"^{source} is empty or does not exist: it must hold bin-images/"):
            catalog(catalog_settings(source), tmp_path / "out")


def test_a_source_without_one_pair_or_without_one_label_says_so(tmp_path: Path, add_bin: Callable[..., None]) -> None:
    add_bin(tmp_path / "in", "1", None)
    with pytest.raises(
        StepError, match=r"no image in .* has a metadata file of its name: .* the first: no metadata file"
    ):
        catalog(catalog_settings(tmp_path / "in"), tmp_path / "out")
    add_bin(tmp_path / "in", "1", "x")
    with pytest.raises(StepError, match=r"1 of 1 images in .* cannot be used, .*EXPECTED_QUANTITY is 'x'"):
        catalog(catalog_settings(tmp_path / "in"), tmp_path / "out")


def test_fractions_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(ValueError, match="their sum must be below 1"):
        CatalogSettings(source="s3://b", validation_fraction=0.5, test_fraction=0.5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"min_count": 5}, "leave less than two classes"),
        ({"layout": "file_list"}, "go together"),
        ({"file_list": "s3://b/list.json"}, "go together"),
        ({"layout": "coco"}, "Input should be 'abid', 'file_list' or 'folders'"),
        ({"previous": "catalog.parquet"}, "should match pattern"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CatalogSettings(source="s3://b", **values)


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
    summary = catalog(catalog_settings(source), tmp_path)
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
        assert image.items == (len(metadata["BIN_FCSKU_DATA"]) or (None if image.label else 0))
    assert all(len(found) == 1 for found in splits.values())
    assert len([image for image in without_products if image.label > 0]) == lost_products
    assert len({image.group for image in without_products}) == len(without_products)
    assert sum(summary.groups.values()) == len(splits) + len(without_products)


def test_real_photos_are_divided_within_one_image_per_class_of_the_wanted_shares(
    real_photos: Callable[..., Path], tmp_path: Path
) -> None:
    summary = catalog(catalog_settings(real_photos("bucket-224")), tmp_path)
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
        [sys.executable, "-m", "steps.catalog", "--source", small_source.as_uri(), "--previous", "", "--file-list", ""],
        env=os.environ | {"SAGEMAKER_BASE_DIR": str(base)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(read_images(base / "processing" / "catalog")) == 60
    assert "read 60 of 60 labels" in done.stdout

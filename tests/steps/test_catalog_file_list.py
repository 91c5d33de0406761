"""The catalog of a file list: the list's photos and counts, checked against the bucket."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.catalog.catalog import catalog
from steps.catalog.file_list import parse_file_list
from steps.catalog.settings import CatalogSettings
from steps.catalog_files import read_images, read_quarantine
from steps.contract import StepError


def entries(*ids: str) -> list[str]:
    return [f"data/metadata/{image_id}.json" for image_id in ids]


def listed(source: str, list_uri: str, **values: Any) -> CatalogSettings:
    return CatalogSettings(source=source, layout="file_list", file_list=list_uri, **values)


@pytest.fixture
def whole_list(small_source: Path) -> Path:
    """A list of all bins of 1 to 5 items of the small source, in a folder of the source."""
    counts = {str(count): entries(*(f"{count + 6 * row:05d}" for row in range(10))) for count in range(1, 6)}
    (small_source / "file_list.json").write_text(json.dumps(counts))
    return small_source / "file_list.json"


def test_the_photos_of_the_list_are_catalogued_and_no_others(
    small_source: Path, whole_list: Path, tmp_path: Path
) -> None:
    summary = catalog(listed(small_source.as_uri(), whole_list.as_uri(), min_count=1), tmp_path / "out")
    images = read_images(tmp_path / "out")
    assert summary.classes == ("1", "2", "3", "4", "5")
    assert {int(image.id) % 6 - 1 - image.label for image in images} == {0}
    assert (len(images), summary.found, summary.left_out) == (50, 50, 0)
    assert images[0].uri == (small_source / "bin-images" / "00001.jpg").as_uri()


def test_a_bucket_gives_the_same_catalog_as_a_folder(
    small_source: Path, whole_list: Path, tmp_path: Path, upload: Callable[..., str]
) -> None:
    uri = upload(small_source, "bins")
    catalog(listed(small_source.as_uri(), whole_list.as_uri(), min_count=1), tmp_path / "local")
    catalog(listed(uri, f"{uri}/file_list.json", min_count=1), tmp_path / "s3")
    local, s3 = (
        [(row.id, row.label, row.group, row.split) for row in read_images(tmp_path / kind)] for kind in ("local", "s3")
    )
    assert local == s3


def test_what_contradicts_or_is_missing_is_quarantined_with_its_reason(
    small_source: Path, whole_list: Path, tmp_path: Path
) -> None:
    counts = json.loads(whole_list.read_text())
    counts["1"] += entries("00002", "00006", "99999", "no-metadata")
    (small_source / "bin-images" / "no-metadata.jpg").write_bytes(b"x")
    whole_list.write_text(json.dumps(counts))
    chosen = listed(small_source.as_uri(), whole_list.as_uri(), min_count=1, max_bad_fraction=0.1)
    summary = catalog(chosen, tmp_path / "out")
    assert {row.id: row.reason for row in read_quarantine(tmp_path / "out" / "quarantine.parquet")} == {
        "00002": "listed under several counts: 1 and 2",
        "00006": "listed under another count than its metadata's: 1 instead of 0",
        "99999": "listed, but its image does not exist",
        "no-metadata": "metadata does not exist",
    }
    assert (summary.found, summary.quarantined, len(read_images(tmp_path / "out"))) == (53, 4, 49)


def test_counts_and_samples_that_the_settings_leave_out_are_counted(
    small_source: Path, whole_list: Path, tmp_path: Path
) -> None:
    chosen = listed(small_source.as_uri(), whole_list.as_uri(), min_count=2, max_count=3, sample_fraction=0.6)
    summary = catalog(chosen, tmp_path / "out")
    assert summary.found == 50
    assert 0 < len(read_images(tmp_path / "out")) == 50 - summary.left_out < 20


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "Invalid JSON"),
        (b"[]", "should be an object"),
        (b'{"1": "a.json"}', "valid array at 1"),
        (b'{"1": [3]}', "valid string at 1.0"),
        (b'{"one": []}', "'one' is not a count of items"),
        (b'{"-1": []}', "'-1' is not a count of items"),
        (b'{"1": ["data/00001.jpg"]}', "'data/00001.jpg' is not the name of a metadata file"),
        (b'{"1": ["data/.json"]}', "'data/.json' is not the name of a metadata file"),
        (b"[" * 100_000, "Invalid JSON"),
    ],
)
def test_what_is_no_file_list_is_refused_with_what_is_wrong(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_file_list(content)


@given(st.binary(max_size=100) | st.recursive(st.text() | st.integers(), st.lists, max_leaves=5).map(json.dumps))
def test_nothing_but_a_file_list_is_taken_for_one(content: bytes | str) -> None:
    with contextlib.suppress(ValueError):  # chance may write an empty object, which is a list of nothing
        assert parse_file_list(content.encode() if isinstance(content, str) else content) == {}


@given(st.dictionaries(st.integers(0, 9).map(str), st.lists(st.integers(0, 30).map(str), max_size=9), max_size=5))
def test_every_listed_id_is_found_with_all_its_counts(counts: dict[str, list[str]]) -> None:
    found = parse_file_list(json.dumps({count: entries(*ids) for count, ids in counts.items()}).encode())
    pairs = {(image_id, int(count)) for count, ids in counts.items() for image_id in ids}
    assert {(image_id, count) for image_id, own in found.items() for count in own} == pairs


def test_a_list_that_is_missing_or_broken_or_empty_is_named(small_source: Path, tmp_path: Path) -> None:
    uri = (tmp_path / "list.json").as_uri()
    for content, message in ((None, "does not exist"), ("[]", "is not a list of files by count"), ("{}", "no photo")):
        if content is not None:
            (tmp_path / "list.json").write_text(content)
        with pytest.raises(StepError, match=f"{uri}.*{message}"):
            catalog(listed(small_source.as_uri(), uri), tmp_path / "out")


def test_the_public_list_agrees_with_real_metadata_and_what_is_not_here_is_quarantined(
    real_photos: Callable[[str], Path], tmp_path: Path
) -> None:
    source = real_photos("bucket-224")
    uri = (source.parent / "file_list.json").as_uri()
    with pytest.raises(StepError, match=r"^3,338 of 10,441 .*listed, but its image does not exist \(3,338, such as"):
        catalog(listed(source.as_uri(), uri, min_count=1), tmp_path)
    summary = catalog(listed(source.as_uri(), uri, min_count=1, max_bad_fraction=0.35), tmp_path)
    assert (summary.found, summary.quarantined, len(read_images(tmp_path))) == (10_441, 3_338, 7_103)

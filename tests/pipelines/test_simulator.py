"""The simulated bins: reproducible, countable and recorded as ABID records its photographs."""

import json
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.demo import simulator
from pipelines.demo.arrangement import MIN_VISIBLE, Placed, visible_shares
from pipelines.demo.shelf import Shelf
from pipelines.demo.simulator import first_photo, planned_count, render_bin, write_bucket
from pipelines.demo.sprites import Sprite

IMAGES = 30


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "bucket"
    write_bucket(folder, IMAGES, seed=1, workers=1)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def metadata(folder: Path, index: int) -> dict:
    return json.loads((folder / "metadata" / f"{index:05}.json").read_text())


def test_one_and_two_processes_write_the_same_bytes(bucket: Path, tmp_path: Path):
    write_bucket(tmp_path / "two", IMAGES, seed=1, workers=2)
    assert contents(tmp_path / "two") == contents(bucket)


def test_an_image_does_not_depend_on_how_many_are_asked_for(bucket: Path, tmp_path: Path):
    write_bucket(tmp_path / "few", 3, seed=1, workers=1)
    few, many = contents(tmp_path / "few"), contents(bucket)
    assert len(few) == 6
    assert few.items() <= many.items()


def test_another_seed_draws_other_photographs(bucket: Path, tmp_path: Path):
    write_bucket(tmp_path / "other", 5, seed=2, workers=1)
    assert not set(contents(tmp_path / "other").values()) & set(contents(bucket).values())


def test_every_photograph_is_a_jpeg_of_its_own_size_beside_its_metadata(bucket: Path):
    files = contents(bucket)
    names = [f"{index:05}" for index in range(IMAGES)]
    assert set(files) == {f"bin-images/{name}.jpg" for name in names} | {f"metadata/{name}.json" for name in names}
    photos = [Image.open(BytesIO(files[f"bin-images/{name}.jpg"])) for name in names]
    assert {photo.format for photo in photos} == {"JPEG"}
    assert all(200 <= side <= 520 for photo in photos for side in photo.size)
    assert len({photo.size for photo in photos}) > IMAGES / 2


def test_metadata_has_the_form_of_abid_and_its_quantities_add_up(bucket: Path):
    for index in range(IMAGES):
        record = metadata(bucket, index)
        assert set(record) == {"BIN_FCSKU_DATA", "EXPECTED_QUANTITY"}
        assert sum(item["quantity"] for item in record["BIN_FCSKU_DATA"].values()) == record["EXPECTED_QUANTITY"]
        for asin, item in record["BIN_FCSKU_DATA"].items():
            assert asin == item["asin"]
            assert len(asin) == 10
            assert item["name"] == item["normalizedName"]
            assert item["length"]["value"] >= item["width"]["value"] >= item["height"]["value"] > 0
            assert {item[side]["unit"] for side in ("length", "width", "height")} == {"IN"}
            assert item["weight"]["unit"] == "pounds"
            assert 0 < item["weight"]["value"] < 30


def test_the_label_is_the_planned_count_of_the_bin_first_photographed(bucket: Path):
    for index in range(IMAGES):
        assert metadata(bucket, index)["EXPECTED_QUANTITY"] == planned_count(1, first_photo(1, index), 5)


def test_counts_come_as_often_as_in_abid():
    drawn = Counter(planned_count(3, index, 5) for index in range(4000))
    total = sum(simulator.COUNT_SHARES[:6])
    for count, images in enumerate(simulator.COUNT_SHARES[:6]):
        assert drawn[count] / 4000 == pytest.approx(images / total, abs=0.025)


def test_about_one_photograph_in_twelve_repeats_an_earlier_bin():
    repeats = sum(first_photo(4, index) < index for index in range(4000))
    assert repeats / 4000 == pytest.approx(simulator.REPEATED, abs=0.015)


def test_a_repeated_bin_has_the_same_records_and_another_image(bucket: Path):
    repeats = [(first_photo(1, index), index) for index in range(IMAGES) if first_photo(1, index) < index]
    assert repeats
    for first, again in repeats:
        assert metadata(bucket, first) == metadata(bucket, again)
        images = [np.asarray(Image.open(bucket / "bin-images" / f"{index:05}.jpg"), int) for index in (first, again)]
        assert np.abs(images[0] - images[1]).mean() > 3


@pytest.mark.parametrize("count", range(11))
def test_every_item_of_a_bin_can_be_seen(count: int):
    for seed in range(3):
        photo = render_bin(count, seed)
        assert sum(item.quantity for item in photo.items) == len(photo.visible) == count
        assert all(MIN_VISIBLE <= share <= 1 for share in photo.visible)
        assert photo.image.dtype == np.uint8
        assert photo.image.ndim == 3


def test_the_share_of_an_item_behind_another_the_lip_or_the_edge_is_measured():
    shelf = Shelf(
        200, 200, cut=20, left=0, right=200, top=10, front=150, back_left=10, back_right=190, back_floor=120, sag=0
    )
    square = Sprite(np.full((40, 40, 3), 90, np.uint8), np.full((40, 40), 255, np.uint8), flat_top=True)
    near = Placed(square, x=80, y=80, lean=0, scale=1, depth=0.1)
    behind = Placed(square, x=90, y=80, lean=0, scale=1, depth=0.9)
    behind_the_lip = Placed(square, x=150, y=150, lean=0, scale=1, depth=0.5)
    cut_off = Placed(square, x=180, y=80, lean=0, scale=1, depth=0.5)
    shares = visible_shares([behind, near, behind_the_lip, cut_off], shelf)
    assert shares == pytest.approx([0.25, 1.0, 0.5, 0.5], abs=0.03)


def test_the_same_count_and_seed_give_the_same_photograph():
    assert np.array_equal(render_bin(4, 9).image, render_bin(4, 9).image)
    assert render_bin(4, 9).items == render_bin(4, 9).items


def test_the_copies_of_a_product_share_one_asin():
    bins = [render_bin(5, seed).items for seed in range(12)]
    assert any(item.quantity > 1 for items in bins for item in items)
    assert all(len({item.asin for item in items}) == len(items) for items in bins)


def test_progress_counts_to_the_end(tmp_path: Path):
    calls: list[tuple[int, int]] = []
    write_bucket(tmp_path / "bucket", 4, workers=1, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="already holds something"):
        write_bucket(tmp_path, 1, workers=1)
    assert contents(tmp_path) == {"notes.txt": b"mine"}


def test_an_empty_folder_is_filled(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    write_bucket(tmp_path / "empty", 1, workers=1)
    assert len(contents(tmp_path / "empty")) == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_bucket_leaves_nothing_behind(tmp_path: Path, workers: int):
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_bucket(tmp_path / "bucket", 30, workers=workers, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_numbers_out_of_range_are_named(tmp_path: Path):
    with pytest.raises(ValueError, match="count 11: a simulated bin holds 0 to 10"):
        render_bin(11, 0)
    with pytest.raises(ValueError, match="max_count -1"):
        write_bucket(tmp_path / "bucket", 1, max_count=-1)
    with pytest.raises(ValueError, match="images 0"):
        write_bucket(tmp_path / "bucket", 0)
    assert list(tmp_path.iterdir()) == []

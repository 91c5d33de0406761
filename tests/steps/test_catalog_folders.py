"""The catalog of class folders: classes, given splits, and near duplicates that stay together."""

import io
import itertools
import logging
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipelines.demo.simulator import write_bucket
from steps.catalog.catalog import catalog
from steps.catalog.duplicates import MAX_DISTANCE, group_near_duplicates
from steps.catalog.fingerprint import NoImageError, fingerprint, symmetric
from steps.catalog.settings import CatalogSettings
from steps.catalog_files import CatalogImage, read_images, read_quarantine
from steps.contract import StepError

Put = Callable[..., None]


def encode(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def scene(number: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A picture of soft random blotches, each number another."""
    blotches = np.random.default_rng(number).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    return Image.fromarray(blotches).resize(size, Image.Resampling.BICUBIC)


def copies(image: Image.Image) -> dict[str, bytes]:
    """Copies as augmentation and re-saving make them: every rotation and reflection, re-encoded, resized, brighter."""
    width, height = image.size
    turned = {turn.name: encode(image.transpose(turn), quality=75) for turn in Image.Transpose}
    return turned | {
        "jpeg 30": encode(image, quality=30),
        "png": encode(image, "PNG"),
        "webp 60": encode(image, "WEBP", quality=60),
        "half": encode(image.resize((width // 2, height // 2)), quality=75),
        "double": encode(image.resize((width * 2, height * 2)), quality=75),
        "square": encode(image.resize((224, 224)), quality=85),
        "small turned": encode(image.resize((96, 96)).transpose(Image.Transpose.ROTATE_90), quality=60),
        "brighter": encode(image.point(lambda value: min(255, int(value * 1.2))), quality=75),
        "grey": encode(image.convert("L"), quality=75),
    }


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def write(path: str, content: bytes | Image.Image) -> None:
        file = tmp_path / "in" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else encode(content, quality=90))

    return write


def run(tmp_path: Path, **values: Any) -> list[CatalogImage]:
    catalog(CatalogSettings(source=(tmp_path / "in").as_uri(), layout="folders", **values), tmp_path / "out")
    return read_images(tmp_path / "out")


def reasons(tmp_path: Path) -> dict[str, str]:
    return {row.id: row.reason for row in read_quarantine(tmp_path / "out" / "quarantine.parquet")}


# --- classes and files


def test_folders_are_classes_and_deeper_folders_belong_to_them(put: Put, tmp_path: Path) -> None:
    for number in range(20):
        put(f"{'cat' if number % 2 else 'ape'}/{'deep/' if number > 9 else ''}{number}.JPG", scene(number))
    images = run(tmp_path)
    assert {image.id: image.label for image in images} == {
        f"{'cat' if number % 2 else 'ape'}/{'deep/' if number > 9 else ''}{number}.JPG": number % 2
        for number in range(20)
    }
    assert [image.id for image in images] == sorted(image.id for image in images)
    assert {(image.items, image.names) for image in images} == {(None, None)}


def test_classes_that_are_numbers_are_in_the_order_of_their_values(put: Put, tmp_path: Path) -> None:
    for number in (0, 2, 10):
        put(f"{number}/x.png", scene(number))
    assert {image.id: image.label for image in run(tmp_path)} == {"0/x.png": 0, "2/x.png": 1, "10/x.png": 2}


def test_a_bucket_gives_the_catalog_of_the_folder_it_was_copied_from(
    put: Put, tmp_path: Path, upload: Callable[..., str]
) -> None:
    for number in range(20):
        put(f"class {number % 2}/ü {number}.jpg", scene(number))
    local = run(tmp_path)
    uri = upload(tmp_path / "in", "photos")
    catalog(CatalogSettings(source=uri, layout="folders"), tmp_path / "s3")
    s3 = read_images(tmp_path / "s3")
    assert [(row.id, row.label, row.group, row.split) for row in s3] == [
        (row.id, row.label, row.group, row.split) for row in local
    ]
    assert s3[0].uri == f"{uri}/class 0/ü 0.jpg"


def test_a_zoo_of_files_is_hashed_or_quarantined_with_its_reason(put: Put, tmp_path: Path) -> None:
    good = encode(scene(1))
    put("a/good.jpg", good)
    put("b/other.jpg", scene(2))
    put("a/empty.jpg", b"")
    put("a/truncated.jpg", good[: len(good) // 2])
    put("a/text.jpg", b"no image")
    put("a/notes.txt", b"hello")
    put("top.jpg", scene(3))
    put("a/huge.png", encode(Image.new("1", (50_000, 2_000)), "PNG"))
    put("a/cmyk.jpg", scene(4).convert("CMYK"))
    put("a/palette.png", encode(scene(5).convert("P"), "PNG"))
    put("b/deep.png", encode(Image.fromarray(np.asarray(scene(6).convert("L")).astype(np.uint16) << 8), "PNG"))
    images = run(tmp_path, max_bad_fraction=0.9)
    assert {image.id for image in images} == {"a/good.jpg", "b/other.jpg", "a/cmyk.jpg", "a/palette.png", "b/deep.png"}
    assert {name: reason.partition(":")[0] for name, reason in reasons(tmp_path).items()} == {
        "a/empty.jpg": "the file is empty",
        "a/huge.png": "more than the 64,000,000 pixels that are allowed",
        "a/notes.txt": "not a file of type .jpg, .jpeg, .png, .webp",
        "a/text.jpg": "not an image of a known format",
        "a/truncated.jpg": "broken image",
        "top.jpg": "not in the folder of a class",
    }


def test_a_file_in_two_classes_is_quarantined_in_both(put: Put, tmp_path: Path) -> None:
    for number in range(10):
        put(f"{'ab'[number % 2]}/{number}.jpg", scene(number))
    put("a/copy.jpg", scene(99))
    put("b/copy.jpg", scene(99))
    assert len(run(tmp_path, max_bad_fraction=0.2)) == 10
    assert reasons(tmp_path) == dict.fromkeys(("a/copy.jpg", "b/copy.jpg"), "the same file is in several classes: a, b")


def test_a_class_without_a_readable_image_is_named_with_the_reason(put: Put, tmp_path: Path) -> None:
    put("a/1.jpg", scene(1))
    put("b/1.jpg", b"")
    with pytest.raises(StepError, match=r"is of class b: .*the file is empty \(1, such as b/1.jpg\)"):
        run(tmp_path, max_bad_fraction=0.9)


def test_a_source_without_two_classes_tells_the_layout(put: Put, tmp_path: Path) -> None:
    for layout in ("nothing.txt", "top.jpg", "only/1.jpg"):
        put(layout, scene(1))
        with pytest.raises(StepError, match=r"classes with images, but two are the least: it must hold a folder of"):
            run(tmp_path)


def test_split_folders_beside_others_are_refused(put: Put, tmp_path: Path) -> None:
    for folder in ("train/a", "train/b", "extra/a"):
        put(f"{folder}/1.jpg", scene(1))
    with pytest.raises(StepError, match=r"holds train beside extra: it must hold"):
        run(tmp_path)


# --- given splits


def test_given_splits_are_kept_whatever_they_are_called(put: Put, tmp_path: Path) -> None:
    names = {"train": "train", "valid": "validation", "Val": "validation", "validation": "validation", "TEST": "test"}
    for number, (folder, label) in enumerate(itertools.product(names, "ab")):
        put(f"{folder}/{label}/1.jpg", scene(number))
    assert {image.id: image.split for image in run(tmp_path)} == {
        f"{folder}/{label}/1.jpg": names[folder] for folder, label in itertools.product(names, "ab")
    }


def test_a_split_that_is_not_given_is_taken_out_of_the_training_images(put: Put, tmp_path: Path) -> None:
    for number in range(100):
        put(f"{'test' if number < 20 else 'train'}/{'ab'[number % 2]}/{number}.jpg", scene(number))
    images = run(tmp_path)
    splits = {image.split: [other.id for other in images if other.split == image.split] for image in images}
    assert len(splits["test"]) == 20
    assert all(name.startswith("test/") for name in splits["test"])
    assert 8 <= len(splits["validation"]) <= 10


def test_near_duplicates_across_given_splits_go_to_the_one_that_judges_and_are_counted(
    put: Put, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number, (folder, label) in enumerate(itertools.product(("train", "valid", "test"), "ab")):
        put(f"{folder}/{label}/1.jpg", scene(number))
    put("train/a/mirrored.jpg", scene(4).transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    put("valid/a/turned.jpg", scene(0).transpose(Image.Transpose.ROTATE_90))
    with caplog.at_level(logging.WARNING):
        splits = {image.id: image.split for image in run(tmp_path)}
    assert (splits["train/a/mirrored.jpg"], splits["train/a/1.jpg"]) == ("test", "validation")
    assert "2 images move to another split than the source's" in caplog.text


# --- near duplicates


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_the_hash_of_a_turned_or_mirrored_image_follows_from_the_hash(seed: int) -> None:
    image = scene(seed, (64, 64))
    eight = {bytes(row) for row in symmetric(fingerprint(encode(image, "PNG"))[None])[:, 0]}
    assert len(eight) == 8
    assert {bytes(fingerprint(encode(image.transpose(turn), "PNG"))) for turn in Image.Transpose} < eight


def test_an_image_that_shows_nothing_is_near_to_none_but_its_own_bytes(put: Put, tmp_path: Path) -> None:
    assert not fingerprint(encode(Image.new("RGB", (50, 50), "red"))).any()
    for label, value in itertools.product("ab", range(5)):
        put(f"{label}/{value}.jpg", Image.new("RGB", (50, 50), (value * 20 + 10, 0, 200 if label == "a" else 0)))
    put("a/0 again.jpg", Image.new("RGB", (50, 50), (10, 0, 200)))
    groups = {image.id: image.group for image in run(tmp_path)}
    assert len(set(groups.values())) == 10
    assert groups["a/0.jpg"] == groups["a/0 again.jpg"]


def slow_groups(signs: np.ndarray) -> list[int]:
    """The definition, pair by pair."""
    group = list(range(len(signs)))
    variants = symmetric(signs)
    for one, other in itertools.combinations(range(len(signs)), 2):
        if min((variants[turn, one] != signs[other]).sum() for turn in range(8)) <= MAX_DISTANCE:
            low, high = sorted((group[one], group[other]))
            group = [low if number == high else number for number in group]
    return group


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
@settings(max_examples=30)
def test_groups_are_those_of_comparing_every_pair(seed: int, images: int) -> None:
    chance = np.random.default_rng(seed)
    origins = chance.choice(np.array([-1, 1], np.int8), (6, 256))
    signs = symmetric(origins)[chance.integers(0, 8, images), chance.integers(0, 6, images)]
    for row in signs:
        row[chance.choice(256, chance.integers(0, 34), replace=False)] *= -1
    assert group_near_duplicates(signs).tolist() == slow_groups(signs)


def test_groups_do_not_depend_on_where_tiles_end() -> None:
    chance = np.random.default_rng(0)
    signs = chance.choice(np.array([-1, 1], np.int8), (4500, 256))
    signs[[300, 4400]] = symmetric(signs[[5, 4100]])[[3, 6], [0, 1]]
    signs[300, :MAX_DISTANCE] *= -1
    expected = np.arange(4500)
    expected[[300, 4400]] = (5, 4100)
    assert (group_near_duplicates(signs) == expected).all()


def plant(photos: list[Path], folder: Path, planted: int) -> dict[str, set[str]]:
    """Write photos into two classes, and copies of the first ones beside them; tell which files are of one photo."""
    families: dict[str, set[str]] = defaultdict(set)
    for number, photo in enumerate(photos):
        kind = "ab"[number % 2]
        contents = {"original": photo.read_bytes()}
        if number < planted:
            contents |= copies(Image.open(photo).convert("RGB"))
        for name, content in contents.items():
            file = folder / kind / f"{photo.stem} {name}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            families[photo.stem].add(f"{kind}/{file.name}")
    return families


def check_planted(folder: Path, families: dict[str, set[str]], tmp_path: Path) -> list[set[str]]:
    """Check that no copy was missed; tell the groups that join several photos."""
    catalog(CatalogSettings(source=folder.as_uri(), layout="folders"), tmp_path / "out")
    images = {image.id: image for image in read_images(tmp_path / "out")}
    for family in families.values():
        assert len({images[name].group for name in family}) == 1, family
        assert len({images[name].split for name in family}) == 1
    photos: dict[str, set[str]] = defaultdict(set)
    for image in images.values():
        photos[image.group].add(image.id.split("/")[1].split(" ")[0])
    return [found for found in photos.values() if len(found) > 1]


def test_no_planted_copy_of_a_simulated_bin_is_missed_and_no_other_bins_are_merged(tmp_path: Path) -> None:
    write_bucket(tmp_path / "bins", 60, seed=5)
    photos = sorted((tmp_path / "bins" / "bin-images").glob("*.jpg"))
    merged = check_planted(tmp_path / "in", plant(photos, tmp_path / "in", 8), tmp_path)
    same_bin = [{(tmp_path / "bins" / "metadata" / f"{name}.json").read_text() for name in found} for found in merged]
    assert all(len(records) == 1 for records in same_bin), "photos of different bins were merged"


def test_no_planted_copy_of_a_real_photo_is_missed_and_no_other_photos_are_merged(
    real_photos: Callable[[str], Path], tmp_path: Path
) -> None:
    photos = sorted((real_photos("bucket") / "bin-images").glob("*.jpg"))[:300]
    assert check_planted(tmp_path / "in", plant(photos, tmp_path / "in", 15), tmp_path) == []


@given(st.binary(max_size=200))
def test_bytes_that_are_no_image_are_refused_with_a_reason(content: bytes) -> None:
    with pytest.raises(NoImageError, match=r"empty|not an image|broken image"):
        fingerprint(content)

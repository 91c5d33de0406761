"""Ingest: every catalogued image is packed or quarantined, in the catalog's order, whatever it is."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from steps.catalog.catalog import catalog
from steps.catalog.settings import CatalogSettings
from steps.catalog_files import CatalogImage, CatalogSummary, read_images, read_quarantine, write_catalog
from steps.contract import Hosts, StepError
from steps.ingest.decode import UnreadableImageError, decode
from steps.ingest.ingest import IngestSummary, ingest
from steps.ingest.settings import IngestSettings
from steps.shards import Shards

SPLITS = ("train", "validation", "test")
ONE_HOST = Hosts("algo-1", ("algo-1",))
SMALL = IngestSettings(size=32, shard_images=10, concurrency=4)


def run(catalog_folder: Path, output: Path, hosts: Hosts = ONE_HOST, how: IngestSettings = SMALL) -> IngestSummary:
    return ingest(how, catalog_folder, {split: output / split for split in SPLITS}, output / "report", hosts)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def arrow(size: tuple[int, int] = (120, 80)) -> Image.Image:
    """A picture that tells its orientation: left half red, right half blue, a white corner at the top left."""
    image = Image.new("RGB", size, (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, size[0] // 2, size[1]))
    image.paste((255, 255, 255), (0, 0, size[0] // 4, size[1] // 4))
    return image


@pytest.fixture
def small_catalog(small_source: Path, tmp_path: Path) -> Path:
    catalog(CatalogSettings(source=small_source.as_uri()), tmp_path / "catalog")
    return tmp_path / "catalog"


def listed(folder: Path, uris: list[str]) -> Path:
    """Write a catalog of these images, the first two for validation and test."""
    splits = [("validation", "test")[row] if row < 2 else "train" for row in range(len(uris))]
    rows = [CatalogImage(f"{row}", uri, row % 2, f"{row}", splits[row]) for row, uri in enumerate(uris)]
    summary = CatalogSummary(
        source="file:///x", classes=("0", "1"), found=len(rows), left_out=0, quarantined=0, images={}, groups={}
    )
    write_catalog(folder, rows, [], summary)
    return folder


# --- one image


def test_an_image_is_squashed_to_the_size(noise: np.ndarray) -> None:
    pixels = decode(encoded(arrow((120, 60)), "PNG"), 40)
    assert (pixels.shape, pixels.dtype) == ((40, 40, 3), np.uint8)
    assert pixels[30, 5].tolist() == [255, 0, 0]
    assert pixels[30, 35].tolist() == [0, 0, 255]
    assert (decode(encoded(Image.fromarray(noise), "PNG"), 64) == noise).all()


def test_fine_detail_is_averaged_and_not_skipped() -> None:
    stripes = np.zeros((320, 320, 3), np.uint8)
    stripes[:, ::2] = 255
    assert abs(decode(encoded(Image.fromarray(stripes), "PNG"), 32).astype(int) - 127.5).max() < 5


@pytest.mark.parametrize("scale", [1, 2, 5, 11])
def test_scaled_jpeg_decoding_stays_close_to_a_full_decode(scale: int) -> None:
    ramp = np.linspace(0, 255, 64 * scale)
    image = Image.fromarray(np.stack([np.add.outer(ramp, ramp) / 2] * 3, axis=2).astype(np.uint8))
    content = encoded(image, "JPEG", quality=95)
    full = np.asarray(Image.open(io.BytesIO(content)).resize((64, 64), Image.Resampling.BICUBIC)).astype(int)
    assert abs(decode(content, 64) - full).max() <= 6


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    for kind in ("JPEG", "PNG", "WEBP"):
        turned = arrow().transpose(Image.Transpose.ROTATE_90)
        pixels = decode(encoded(turned, kind, exif=exif), 32).astype(int)
        assert abs(pixels - decode(encoded(arrow(), "PNG"), 32)).mean() < 12


@pytest.mark.parametrize(
    "content",
    [
        encoded(arrow().convert("CMYK"), "JPEG"),
        encoded(arrow().convert("P"), "PNG"),
        encoded(arrow().convert("RGBA"), "PNG"),
        encoded(arrow(), "PNG"),
        encoded(arrow(), "WEBP", lossless=True),
        encoded(arrow(), "JPEG", progressive=True, quality=95),
    ],
    ids=["CMYK", "palette", "RGBA", "PNG", "WebP", "progressive"],
)
def test_colour_images_of_every_kind_become_the_same_rgb(content: bytes) -> None:
    pixels = decode(content, 32).astype(int)
    assert abs(pixels - decode(encoded(arrow(), "PNG"), 32)).mean() < 6


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_images_become_rgb(mode: str) -> None:
    pixels = decode(encoded(Image.new("L", (50, 50), 255).convert(mode), "PNG"), 32)
    assert (pixels == 255).all()


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    content = encoded(Image.fromarray(np.full((50, 50), 128 * 256, np.uint16)), "PNG")
    assert Image.open(io.BytesIO(content)).mode == "I;16"
    assert (decode(content, 32) == 128).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"hello world", "not an image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image of a known format"),
        (encoded(arrow(), "JPEG")[:-200], "broken image: image file is truncated"),
        (encoded(arrow(), "JPEG")[:30], "not an image|broken image"),
        (encoded(arrow(), "PNG")[:-40], "broken image"),
        (encoded(Image.new("1", (20_000, 20_000)), "PNG"), "more than the 64,000,000 pixels that are allowed"),
        (encoded(Image.new("1", (9_000, 9_000)), "PNG"), "9,000 x 9,000 is more than the 64,000,000 pixels"),
    ],
    ids=["empty", "text", "PostScript", "SVG", "truncated", "header only", "truncated PNG", "bomb", "large"],
)
def test_a_file_that_gives_no_image_tells_why(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=reason):
        decode(content, 32)


@given(
    st.sampled_from(["JPEG", "PNG", "WEBP"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=40),
    st.floats(0.02, 1),
)
def test_damaged_files_give_pixels_or_a_reason_and_nothing_else(
    kind: str, changes: list[tuple[float, int]], kept: float
) -> None:
    content = bytearray(encoded(arrow(), kind))
    for place, value in changes:
        content[int(place * len(content))] = value
    try:
        shape = decode(bytes(content[: int(kept * len(content))]), 32).shape
    except UnreadableImageError:
        return
    assert shape == (32, 32, 3)


# --- the step


def test_every_image_is_packed_into_its_split_with_its_label(small_catalog: Path, tmp_path: Path) -> None:
    summary = run(small_catalog, tmp_path / "out")
    assert summary.packed == {"train": 48, "validation": 6, "test": 6}
    for split in SPLITS:
        rows = [row for row in read_images(small_catalog) if row.split == split]
        shards = Shards(tmp_path / "out" / split)
        assert shards.ids.tolist() == [row.id for row in rows]
        assert shards.labels.tolist() == [row.label for row in rows]
        assert shards.dataset.classes == ("0", "1", "2", "3", "4", "5")
        reds = shards.images(np.arange(len(shards)))[:, 16, 16, 0].astype(int)
        assert abs(reds - [int(row.id) * 4 for row in rows]).max() <= 4


def test_shards_are_named_by_host_and_hold_what_the_settings_say(small_catalog: Path, tmp_path: Path) -> None:
    run(small_catalog, tmp_path / "out")
    shards = sorted((tmp_path / "out" / "train").glob("*/labels.npy"))
    assert [file.parent.name for file in shards] == [f"algo-1-{number:05d}" for number in range(5)]
    assert [len(np.load(file)) for file in shards] == [10, 10, 10, 10, 8]


def test_a_bucket_gives_the_same_bytes_as_the_folder_it_was_copied_from(
    small_source: Path, small_catalog: Path, tmp_path: Path, upload: Callable[..., str]
) -> None:
    catalog(CatalogSettings(source=upload(small_source, "bins")), tmp_path / "catalog-s3")
    run(small_catalog, tmp_path / "local")
    run(tmp_path / "catalog-s3", tmp_path / "s3", how=SMALL.model_copy(update={"concurrency": 32}))
    files = {file.relative_to(tmp_path / "local") for file in (tmp_path / "local").rglob("*") if file.is_file()}
    assert files == {file.relative_to(tmp_path / "s3") for file in (tmp_path / "s3").rglob("*") if file.is_file()}
    assert len(files) == 3 * (5 + 1 + 1) + 3 + 2
    for file in files:
        assert (tmp_path / "local" / file).read_bytes() == (tmp_path / "s3" / file).read_bytes()


def test_three_instances_pack_the_same_images_as_one(small_catalog: Path, tmp_path: Path) -> None:
    names = ("algo-1", "algo-2", "algo-3")
    run(small_catalog, tmp_path / "one")
    described = []
    for name in names:
        summary = run(small_catalog, tmp_path / "three", Hosts(name, names))
        assert summary.catalogued == sum(summary.packed.values()) == 20
        described.append((tmp_path / "three" / "test" / "dataset.json").read_bytes())
    assert len(set(described)) == 1
    for split in SPLITS:
        one, three = Shards(tmp_path / "one" / split), Shards(tmp_path / "three" / split)
        order = np.argsort(three.ids)
        assert three.ids[order].tolist() == one.ids.tolist()
        assert (three.images(order) == one.images(np.arange(len(one)))).all()


def test_an_instance_without_a_share_ends_well(small_source: Path, tmp_path: Path) -> None:
    uri = (small_source / "bin-images" / "00000.jpg").as_uri()
    names = ("algo-1", "algo-2")
    summary = run(listed(tmp_path / "catalog", [uri]), tmp_path / "out", Hosts("algo-2", names))
    assert (summary.catalogued, summary.quarantined) == (0, 0)
    assert (tmp_path / "out" / "train" / "dataset.json").exists()


def test_a_zoo_of_bad_images_is_packed_or_quarantined_one_by_one(tmp_path: Path, photo: Callable[..., bytes]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    zoo = {
        "good": photo(),
        "also-good": photo(),
        "empty": b"",
        "truncated": encoded(arrow(), "JPEG")[:-200],
        "text": b"not an image",
        "cmyk": encoded(arrow().convert("CMYK"), "JPEG"),
        "sixteen-bit": encoded(Image.fromarray(np.full((50, 50), 65535, np.uint16)), "PNG"),
        "palette": encoded(arrow().convert("P"), "PNG"),
        "rotated": encoded(arrow(), "JPEG", exif=exif),
        "bomb": encoded(Image.new("1", (20_000, 20_000)), "PNG"),
        "too-many-bytes": photo() + b"\0" * (33 * 2**20),
    }
    for name, content in zoo.items():
        (tmp_path / f"{name}.jpg").write_bytes(content)
    uris = [(tmp_path / f"{name}.jpg").as_uri() for name in [*zoo, "vanished"]]
    summary = run(listed(tmp_path / "catalog", uris), tmp_path / "out")
    rows = read_quarantine(tmp_path / "out" / "report" / "algo-1-quarantine.parquet")
    reasons = {Path(row.uri).stem: row.reason for row in rows}
    assert list(reasons) == ["empty", "truncated", "text", "bomb", "too-many-bytes", "vanished"]
    assert reasons["vanished"] == "does not exist"
    assert reasons["too-many-bytes"].startswith("larger than allowed")
    assert (summary.catalogued, summary.packed["train"], summary.quarantined) == (12, 4, 6)
    written = json.loads((tmp_path / "out" / "report" / "algo-1-ingest.json").read_text())
    assert written == summary.model_dump()


def test_no_readable_image_at_all_is_an_error_with_the_first_reason(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no image")
    with pytest.raises(
        StepError, match=r"^not one of 3 images could be read; the first, file://.*x\.jpg: not an image"
    ):
        run(listed(tmp_path / "catalog", [(tmp_path / "x.jpg").as_uri()] * 3), tmp_path / "out")


def test_a_missing_bucket_ends_the_job_and_is_not_taken_for_bad_images(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(StepError, match="the bucket does not exist"):
        run(listed(tmp_path / "catalog", ["s3://no-such-bucket-2/x.jpg"]), tmp_path / "out")


def test_a_catalog_with_a_split_that_has_no_output_is_refused(small_catalog: Path, tmp_path: Path) -> None:
    with pytest.raises(StepError, match="no output for the split test, validation of the catalog"):
        ingest(SMALL, small_catalog, {"train": tmp_path / "train"}, tmp_path / "report", ONE_HOST)


@pytest.mark.parametrize("file", ["catalog.parquet", "catalog.json"])
@pytest.mark.parametrize("content", [None, b"", b"broken"])
def test_a_broken_catalog_is_named(small_catalog: Path, tmp_path: Path, file: str, content: bytes | None) -> None:
    (small_catalog / file).unlink()
    if content is not None:
        (small_catalog / file).write_bytes(content)
    with pytest.raises(StepError, match=file):
        run(small_catalog, tmp_path / "out")


def test_real_photos_are_all_packed(real_photos: Callable[..., Path], tmp_path: Path) -> None:
    catalog(CatalogSettings(source=real_photos("bucket").as_uri()), tmp_path / "catalog")
    summary = run(tmp_path / "catalog", tmp_path / "out", how=IngestSettings(size=64))
    assert sum(summary.packed.values()) == 900
    assert summary.quarantined == 0


# --- in its container


def test_the_step_runs_under_the_container_contract(small_catalog: Path, tmp_path: Path) -> None:
    base = tmp_path / "ml"
    (base / "config").mkdir(parents=True)
    outputs = [
        {"OutputName": name, "S3Output": {"LocalPath": f"/opt/ml/processing/{name}"}} for name in (*SPLITS, "report")
    ]
    inputs = [{"InputName": "catalog", "S3Input": {"LocalPath": str(small_catalog)}}]
    config = {"ProcessingInputs": inputs, "ProcessingOutputConfig": {"Outputs": outputs}}
    (base / "config" / "processingjobconfig.json").write_text(json.dumps(config))
    (base / "config" / "resourceconfig.json").write_text('{"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}')
    done = subprocess.run(
        [sys.executable, "-m", "steps.ingest", "--size", "32"],
        env=os.environ | {"SAGEMAKER_BASE_DIR": str(base)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "packed 30 of 30 images" in done.stdout
    assert sum(len(Shards(base / "processing" / split)) for split in SPLITS) == 30
    assert (base / "processing" / "report" / "algo-2-ingest.json").exists()

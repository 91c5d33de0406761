"""Ingest: every catalogued image is packed or quarantined, in the catalog's order, whatever it is."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from steps.catalog.catalog import catalog
from steps.catalog.settings import CatalogSettings
from steps.catalog_files import CatalogImage, CatalogSummary, read_images, read_quarantine, write_catalog
from steps.contract import Hosts, StepError
from steps.images import preprocess
from steps.ingest.ingest import IngestSummary, ingest
from steps.ingest.settings import IngestSettings
from steps.preprocessing import Preprocessing
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


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, hidden ones too."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def is_record(file: str) -> bool:
    return re.search(r"-\d{5}\.json$", file) is not None


def catalog_of_120(folder: Path, kind: str, size: tuple[int, int]) -> Path:
    """A catalog of 120 photos, of which 14 cannot be read: ten of them are all that one shard would hold."""
    for number in range(6):
        coarse = np.random.default_rng(number).integers(0, 256, (9, 12, 3), dtype=np.uint8)
        photo = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        (folder / f"{number}.jpg").write_bytes(encoded(photo, kind))
    (folder / "broken.jpg").write_bytes(encoded(arrow(), kind)[:-100])
    broken = {*range(22, 32), 40, 61, 85, 110}
    files = ["broken.jpg" if row in broken else f"{row % 6}.jpg" for row in range(120)]
    return listed(folder / "catalog", [(folder / file).as_uri() for file in files])


@pytest.fixture
def many_rows(tmp_path: Path) -> Path:
    return catalog_of_120(tmp_path, "JPEG", (96, 72))


def listed(folder: Path, uris: list[str]) -> Path:
    """Write a catalog of these images, the first two for validation and test."""
    splits = [("validation", "test")[row] if row < 2 else "train" for row in range(len(uris))]
    rows = [CatalogImage(f"{row}", uri, row % 2, f"{row}", splits[row]) for row, uri in enumerate(uris)]
    summary = CatalogSummary(
        source="file:///x", classes=("0", "1"), found=len(rows), left_out=0, quarantined=0, images={}, groups={}
    )
    write_catalog(folder, rows, [], summary)
    return folder


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


def test_a_shard_has_no_more_megabytes_than_the_settings_say(small_catalog: Path, tmp_path: Path) -> None:
    how = IngestSettings(size=448, shard_mb=4)
    run(small_catalog, tmp_path / "out", how=how)
    files = sorted((tmp_path / "out" / "train").glob("*/images.npy"))
    assert how.shard_capacity == 6
    assert [len(np.load(file, mmap_mode="r")) for file in files] == [6] * 8
    assert max(file.stat().st_size for file in files) < 4_000_000


def test_the_largest_image_fits_the_smallest_shard() -> None:
    assert IngestSettings(size=1024, shard_mb=4).shard_capacity == 1


def test_the_preprocessing_is_carried_out_and_recorded(small_catalog: Path, tmp_path: Path) -> None:
    run(small_catalog, tmp_path / "out", how=IngestSettings(size=40, resize="pad", contrast="clahe"))
    shards = Shards(tmp_path / "out" / "test")
    assert shards.dataset.preprocessing == Preprocessing(size=40, resize="pad", contrast="clahe")
    first = next(row for row in read_images(small_catalog) if row.split == "test")
    content = Path(first.uri.removeprefix("file://")).read_bytes()
    assert (shards.images(np.array([0]))[0] == preprocess(content, shards.dataset.preprocessing)).all()


def test_a_bucket_gives_the_same_shards_as_the_folder_it_was_copied_from(
    small_source: Path, small_catalog: Path, tmp_path: Path, upload: Callable[..., str]
) -> None:
    catalog(CatalogSettings(source=upload(small_source, "bins")), tmp_path / "catalog-s3")
    run(small_catalog, tmp_path / "local")
    run(tmp_path / "catalog-s3", tmp_path / "s3", how=SMALL.model_copy(update={"concurrency": 32}))
    local, s3 = contents(tmp_path / "local"), contents(tmp_path / "s3")
    assert local.keys() == s3.keys()
    records = 5 + 1 + 1  # they hold a digest that includes where the images lie
    assert len(local) == 3 * (5 + 1 + 1) + records + 3 + 2
    assert [file for file in local if local[file] != s3[file] and not is_record(file)] == []


@pytest.mark.parametrize("count", [1, 2, 3])
def test_any_number_of_instances_packs_the_same_images(tmp_path: Path, many_rows: Path, count: int) -> None:
    names = tuple(f"algo-{number}" for number in range(1, count + 1))
    run(many_rows, tmp_path / "one", Hosts("whole", ("whole",)))
    summaries = [run(many_rows, tmp_path / "all", Hosts(name, names)) for name in names]
    assert sum(summary.catalogued for summary in summaries) == 120
    for split in SPLITS:
        one, parts = Shards(tmp_path / "one" / split), Shards(tmp_path / "all" / split)
        expected, found = np.argsort(one.ids), np.argsort(parts.ids)
        assert parts.ids[found].tolist() == one.ids[expected].tolist()
        assert parts.labels[found].tolist() == one.labels[expected].tolist()
        assert (parts.images(found) == one.images(expected)).all()
        assert parts.dataset == one.dataset
    quarantines = [read_quarantine(file) for file in sorted((tmp_path / "all" / "report").glob("*.parquet"))]
    whole = read_quarantine(tmp_path / "one" / "report" / "whole-quarantine.parquet")
    assert sorted((row.id, row.reason) for rows in quarantines for row in rows) == sorted(
        (row.id, row.reason) for row in whole
    )
    assert len(whole) == 14


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


# --- started again


def test_what_is_finished_is_not_made_again(many_rows: Path, tmp_path: Path) -> None:
    run(many_rows, tmp_path / "out")
    before = contents(tmp_path / "out")
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").glob("*/*/*.npy")}
    for photo in tmp_path.glob("*.jpg"):
        photo.unlink()
    summary = run(many_rows, tmp_path / "out")
    assert (summary.catalogued, sum(summary.packed.values()), summary.quarantined) == (120, 106, 14)
    assert contents(tmp_path / "out") == before
    assert times == {file: file.stat().st_mtime_ns for file in (tmp_path / "out").glob("*/*/*.npy")}


@pytest.mark.parametrize(
    "change",
    [{"size": 40}, {"resize": "crop"}, {"contrast": "autocontrast"}, {"shard_images": 7}, {"shard_images": 60}],
    ids=str,
)
def test_shards_of_other_settings_are_made_again(many_rows: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    run(many_rows, tmp_path / "out")
    run(many_rows, tmp_path / "out", how=SMALL.model_copy(update=change))
    run(many_rows, tmp_path / "fresh", how=SMALL.model_copy(update=change))
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def damage_nothing_but_add_leftovers(train: Path) -> None:
    (train / ".algo-1-00003.partial").mkdir()
    (train / ".algo-1-00003.partial" / "images.npy").write_bytes(b"half")
    (train / ".algo-1-00004.json.partial").write_text("{")


@pytest.mark.parametrize(
    "damage",
    [
        damage_nothing_but_add_leftovers,
        lambda train: (train / "algo-1-00001.json").unlink(),
        lambda train: (train / "algo-1-00001.json").write_text("{}"),
        lambda train: shutil.rmtree(train / "algo-1-00001"),
        lambda train: (train / "algo-1-00001" / "images.npy").write_bytes(b"half"),
    ],
    ids=["leftovers", "no record", "broken record", "no shard", "broken shard"],
)
def test_a_shard_that_is_not_whole_is_made_again(many_rows: Path, tmp_path: Path, damage: Callable[..., None]) -> None:
    run(many_rows, tmp_path / "out")
    before = contents(tmp_path / "out")
    damage(tmp_path / "out" / "train")
    run(many_rows, tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_another_instances_shards_in_the_same_folder_are_left_alone(many_rows: Path, tmp_path: Path) -> None:
    names = ("algo-1", "algo-10")
    for _ in range(2):
        for name in names:
            run(many_rows, tmp_path / "out", Hosts(name, names))
    assert sum(len(Shards(tmp_path / "out" / split)) for split in SPLITS) == 106


def test_a_job_killed_again_and_again_ends_with_the_files_of_an_undisturbed_one(tmp_path: Path) -> None:
    """Each of three runs is killed at a random moment after it has finished at least one more shard."""
    many_rows = catalog_of_120(tmp_path, "PNG", (1000, 750))  # slow enough to be killed in the middle
    chance = np.random.default_rng()
    start_job(many_rows, tmp_path / "undisturbed").communicate()
    base = tmp_path / "killed"
    for _ in range(3):
        process = start_job(many_rows, base)
        wanted = finished_shards(base) + chance.integers(1, 3)
        while process.poll() is None and finished_shards(base) < wanted:
            time.sleep(0.001)
        time.sleep(chance.random() * 0.02)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not (base / "processing" / "report" / "algo-1-ingest.json").exists()
    before = finished_shards(base)
    log, errors = start_job(many_rows, base).communicate()
    assert f"{before} of 14 shards are finished already" in log, errors
    assert contents(base / "processing") == contents(tmp_path / "undisturbed" / "processing")


def finished_shards(base: Path) -> int:
    return sum(is_record(str(file)) for file in base.glob("processing/*/*.json"))


# --- in its container


def start_job(catalog_folder: Path, base: Path, hosts: tuple[str, ...] = ("algo-1",)) -> subprocess.Popen[str]:
    """Run `python -m steps.ingest` as the last of `hosts`, with `base` in place of /opt/ml."""
    (base / "config").mkdir(parents=True, exist_ok=True)
    outputs = [
        {"OutputName": name, "S3Output": {"LocalPath": f"/opt/ml/processing/{name}"}} for name in (*SPLITS, "report")
    ]
    inputs = [{"InputName": "catalog", "S3Input": {"LocalPath": str(catalog_folder)}}]
    config = {"ProcessingInputs": inputs, "ProcessingOutputConfig": {"Outputs": outputs}}
    (base / "config" / "processingjobconfig.json").write_text(json.dumps(config))
    (base / "config" / "resourceconfig.json").write_text(json.dumps({"current_host": hosts[-1], "hosts": hosts}))
    return subprocess.Popen(
        [sys.executable, "-m", "steps.ingest", "--size", "32", "--shard-images", "10", "--concurrency", "2"],
        env=os.environ | {"SAGEMAKER_BASE_DIR": str(base)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_step_runs_under_the_container_contract(small_catalog: Path, tmp_path: Path) -> None:
    base = tmp_path / "ml"
    process = start_job(small_catalog, base, ("algo-1", "algo-2"))
    log, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "packed 30 of 30 images" in log
    assert sum(len(Shards(base / "processing" / split)) for split in SPLITS) == 30
    assert (base / "processing" / "report" / "algo-2-ingest.json").exists()

"""Explore: a dataset whose figures are known is described, for programs and for people."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from steps.catalog.catalog import catalog
from steps.catalog.settings import CatalogSettings
from steps.catalog_files import CatalogImage, CatalogSummary, QuarantinedImage, write_catalog, write_quarantine
from steps.contract import Hosts, StepError
from steps.explore.explore import explore
from steps.explore.findings import Findings
from steps.explore.look import dominant_colours, laplacian_variance
from steps.explore.originals import read_size
from steps.explore.settings import ExploreSettings
from steps.ingest.ingest import ingest
from steps.ingest.settings import IngestSettings
from steps.preprocessing import Preprocessing
from steps.shards import Dataset, write_dataset, write_shard

SPLITS = ("train", "validation", "test")
SIZE = 32
SETTINGS = ExploreSettings(class_images=20, gallery=3, colours=3, concurrency=2)
ONE_HOST = Hosts("algo-1", ("algo-1",))


class Data:
    """Folders as catalog and ingest write them, made by hand so that every figure is known."""

    def __init__(self, folder: Path, classes: tuple[str, ...]) -> None:
        self.folder = folder
        self.classes = classes
        self.rows: list[CatalogImage] = []
        self.pixels: list[np.ndarray] = []
        self.unusable: list[QuarantinedImage] = []
        self.unreadable: list[QuarantinedImage] = []
        self.left_out = 0

    def add(
        self, label: int, split: str, image: np.ndarray | int = 100, group: str = "", uri: str = "file:///no"
    ) -> None:
        number = f"{len(self.rows):05d}"
        self.rows.append(CatalogImage(number, uri, label, group or number, split))
        self.pixels.append(np.broadcast_to(np.asarray(image, np.uint8), (SIZE, SIZE, 3)))

    def add_unreadable(self, reason: str) -> None:
        self.rows.append(CatalogImage(f"bad-{len(self.rows)}", "file:///bad", 0, f"bad-{len(self.rows)}", "train"))
        self.pixels.append(np.empty(0))
        self.unreadable.append(QuarantinedImage(self.rows[-1].id, "file:///bad", reason))

    def write(self) -> None:
        bad = {image.id for image in self.unreadable}
        found = len(self.rows) + len(self.unusable) + self.left_out
        summary = CatalogSummary(
            source="file:///photos",
            classes=self.classes,
            found=found,
            left_out=self.left_out,
            quarantined=len(self.unusable),
            images={},
            groups={},
        )
        write_catalog(self.folder / "catalog", self.rows, self.unusable, summary)
        for split in SPLITS:
            chosen = [n for n, row in enumerate(self.rows) if row.split == split and row.id not in bad]
            write_dataset(self.folder / split, Dataset(classes=self.classes, preprocessing=Preprocessing(size=SIZE)))
            if chosen:
                images = np.stack([self.pixels[n] for n in chosen])
                labels = np.array([self.rows[n].label for n in chosen])
                write_shard(self.folder / split, "algo-1-00000", images, labels, [self.rows[n].id for n in chosen])
        (self.folder / "report").mkdir(exist_ok=True)
        half = len(self.unreadable) // 2
        for host, part in (("algo-1", self.unreadable[:half]), ("algo-2", self.unreadable[half:])):
            write_quarantine(self.folder / "report" / f"{host}-quarantine.parquet", part)

    def explore(self, settings: ExploreSettings = SETTINGS) -> Findings:
        self.write()
        return describe(self.folder, settings)


def describe(folder: Path, settings: ExploreSettings = SETTINGS) -> Findings:
    shards = {split: folder / split for split in SPLITS}
    return explore(settings, folder / "catalog", shards, folder / "report", folder / "out")


@pytest.fixture
def data(tmp_path: Path) -> Callable[..., Data]:
    def make(classes: tuple[str, ...] = ("0", "1", "2"), per_class: tuple[int, ...] = (2, 4, 4)) -> Data:
        """So many training images of each class, and one of each for validation and test."""
        made = Data(tmp_path, classes)
        for label, images in enumerate(per_class):
            for split in ("train",) * images + ("validation", "test"):
                made.add(label, split, 40 + 60 * (label % 3))
        return made

    return make


# --- the figures


def test_images_are_counted_by_class_and_split(data: Callable[..., Data]) -> None:
    findings = data().explore()
    assert [(entry.name, entry.images) for entry in findings.classes] == [
        ("0", {"train": 2, "validation": 1, "test": 1}),
        ("1", {"train": 4, "validation": 1, "test": 1}),
        ("2", {"train": 4, "validation": 1, "test": 1}),
    ]
    assert [entry.share for entry in findings.classes] == pytest.approx([4 / 16, 6 / 16, 6 / 16], abs=1e-6)
    assert findings.drift == pytest.approx(1 / 3 - 4 / 16, abs=1e-6)


def test_every_image_found_is_accounted_for(data: Callable[..., Data]) -> None:
    made = data()
    made.left_out = 5
    made.unusable.append(QuarantinedImage("x", "file:///x", "has no label"))
    made.add_unreadable("the file is empty")
    accounting = made.explore().accounting
    assert accounting.model_dump() == {"found": 23, "left_out": 5, "unusable": 1, "unreadable": 1, "packed": 16}


def test_reasons_that_differ_only_in_numbers_are_counted_together_over_all_instances(data: Callable[..., Data]) -> None:
    made = data()
    for size in ("50,000 x 50,000", "9,000 x 20,000", "9,000 x 30,000"):
        made.add_unreadable(f"{size} is more than the 64,000,000 pixels that are allowed")
    made.add_unreadable("the file is empty")
    made.unusable.append(QuarantinedImage("x", "s3://b/x.json", "the file is empty"))
    reasons = [(entry.step, entry.images, entry.reason, entry.example) for entry in made.explore().quarantine]
    assert reasons[0] == (
        "ingest",
        3,
        "50,000 x 50,000 is more than the 64,000,000 pixels that are allowed",
        "file:///bad",
    )
    assert set(reasons[1:]) == {
        ("catalog", 1, "the file is empty", "s3://b/x.json"),
        ("ingest", 1, "the file is empty", "file:///bad"),
    }


def test_a_flood_of_different_reasons_stays_a_short_table_that_adds_up(data: Callable[..., Data]) -> None:
    made = data()
    words = [f"{chr(97 + a)}{chr(97 + b)}" for a in range(10) for b in range(10)]
    made.unusable = [QuarantinedImage(word, "file:///x", f"broken: {word}") for word in [*words, "aa"]]
    findings = made.explore()
    assert findings.quarantine[0].images == 2
    assert len(findings.quarantine) == 20
    assert sum(entry.images for entry in findings.quarantine) + findings.other_reasons == 101
    assert "other, rarer reasons" in (made.folder / "out" / "explore.html").read_text()


def test_groups_are_counted_by_size_and_divided_ones_are_found(data: Callable[..., Data]) -> None:
    made = data()
    for group, splits in {"pair": ("train", "train"), "four": ("test",) * 4, "torn": ("train", "test")}.items():
        for split in splits:
            made.add(0, split, group=group)
    groups = made.explore().groups
    assert (groups.groups, groups.largest, groups.divided) == (16 + 3, 4, 1)
    assert {entry.size: (entry.groups, entry.images) for entry in groups.sizes if entry.groups} == {
        "1": (16, 16),
        "2": (2, 4),
        "3-5": (1, 4),
    }
    assert "<strong>1 group is divided" in (made.folder / "out" / "explore.html").read_text()


def test_counts_are_compared_with_the_published_ones(data: Callable[..., Data]) -> None:
    published = data().explore().published
    assert published is not None
    total = 9_901 + 41_347 + 77_063
    assert published.shares == pytest.approx({"0": 9_901 / total, "1": 41_347 / total, "2": 77_063 / total}, abs=1e-6)
    assert published.distance == pytest.approx(77_063 / total - 6 / 16, abs=1e-6)


@pytest.mark.parametrize("classes", [("cat", "dog", "2"), tuple(str(count) for count in range(12))])
def test_other_classes_are_not_compared_with_published_counts(
    classes: tuple[str, ...], data: Callable[..., Data]
) -> None:
    made = data(classes, (2,) * len(classes))
    assert made.explore().published is None
    assert "Amazon" not in (made.folder / "out" / "explore.html").read_text()


# --- looks


def test_brightness_and_colour_are_those_of_the_class(data: Callable[..., Data]) -> None:
    made = data(per_class=(0, 5, 5))
    for red in (0, 0, 0, 200):
        made.add(0, "train", (red, 100, 0))
    dark, middle, bright = made.explore().looks
    assert (dark.name, dark.measured) == ("0", 4)
    assert dark.brightness.median == pytest.approx(0.587 * 100, abs=1e-3)
    assert dark.brightness.high > dark.brightness.median
    assert [(colour.rgb, colour.share) for colour in dark.colours] == [("#006400", 0.75), ("#c86400", 0.25)]
    assert (middle.brightness.median, bright.brightness.median) == pytest.approx((100, 160))
    assert [colour.rgb for colour in bright.colours] == ["#a0a0a0"]


def test_only_training_images_are_looked_at(data: Callable[..., Data]) -> None:
    made = data(("a", "b"), (3, 0))
    assert [look.name for look in made.explore().looks] == ["a"]
    assert "0 photos to train on" in (made.folder / "out" / "explore.html").read_text()


def test_no_more_images_of_a_class_are_measured_than_asked(data: Callable[..., Data]) -> None:
    findings = data(per_class=(2, 9, 9)).explore(SETTINGS.model_copy(update={"class_images": 5}))
    assert [look.measured for look in findings.looks] == [2, 5, 5]


def test_a_sharp_image_has_a_larger_laplacian_variance_than_its_blurred_copy(noise: np.ndarray) -> None:
    sharp = Image.fromarray(noise).convert("L")
    blurred = sharp.resize((16, 16)).resize(sharp.size)
    flat = Image.new("L", sharp.size, 90)
    values = laplacian_variance(np.stack([np.asarray(image, np.float32) for image in (sharp, blurred, flat)]))
    assert values[0] > 10 * values[1] > 0
    assert values[2] == 0


def test_the_laplacian_variance_is_that_of_the_four_neighbour_kernel() -> None:
    grey = np.zeros((1, 5, 5), np.float32)
    grey[0, 2, 2] = 1
    responses = np.array([0, 1, 0, 1, -4, 1, 0, 1, 0])
    assert laplacian_variance(grey)[0] == pytest.approx(responses.var())


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=60), st.integers(1, 12))
def test_dominant_colours_are_colours_that_share_all_pixels(pixels: list[tuple[int, int, int]], most: int) -> None:
    colours = dominant_colours(np.array(pixels, np.uint8), most, seed=0)
    assert 1 <= len(colours) <= min(most, len(set(pixels)))
    assert sum(colour.share for colour in colours) == pytest.approx(1, abs=1e-4)
    assert [colour.share for colour in colours] == sorted((colour.share for colour in colours), reverse=True)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour.rgb) for colour in colours)


# --- originals


def encoded(size: tuple[int, int], kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(("orientation", "size"), [(1, (60, 40)), (3, (60, 40)), (6, (40, 60)), (8, (40, 60))])
def test_the_size_is_that_of_the_upright_image(kind: str, orientation: int, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert read_size(encoded((60, 40), kind, exif=exif)) == size


def test_the_size_is_read_from_the_header_alone() -> None:
    content = encoded((6000, 4000), "PNG")
    assert read_size(content[:100]) == (6000, 4000)


@pytest.mark.parametrize("content", [b"", b"no image", encoded((20, 20))[:10], encoded((20, 20), "GIF")])
def test_a_file_without_a_known_header_has_no_size(content: bytes) -> None:
    assert read_size(content) is None


def test_sizes_of_originals_are_read_where_the_catalog_found_them(data: Callable[..., Data]) -> None:
    made = data()
    made.rows, made.pixels = [], []
    for number, size in enumerate([(300, 200), (400, 200), (500, 250), None, (600, 300)]):
        file = made.folder / f"{number}.jpg"
        if size:
            file.write_bytes(encoded(size))
        made.add(number % 3, SPLITS[number % 3], uri=file.as_uri())
    originals = made.explore().originals
    assert (originals.sampled, originals.unreadable) == (5, 1)
    assert (originals.width.median, originals.height.median, originals.aspect.median) == (450, 225, 2)
    assert [sum(part.images) for part in (originals.width, originals.height, originals.aspect)] == [4, 4, 4]
    assert originals.width.edges == originals.height.edges
    assert (originals.width.edges[0], originals.width.edges[-1]) == (200, 600)
    assert made.explore(SETTINGS.model_copy(update={"originals": 2})).originals.sampled == 2


def test_images_of_one_size_stand_in_the_middle_of_their_histogram(data: Callable[..., Data]) -> None:
    made = data()
    (made.folder / "a.jpg").write_bytes(encoded((224, 224)))
    made.rows = [CatalogImage(r.id, (made.folder / "a.jpg").as_uri(), r.label, r.group, r.split) for r in made.rows]
    width = made.explore().originals.width
    assert [number for number in width.images if number] == [16]
    middle = width.images.index(16)
    assert width.edges[middle] < 224 < width.edges[middle + 1]


def test_originals_that_are_all_gone_leave_a_report_without_their_charts(data: Callable[..., Data]) -> None:
    made = data()
    originals = made.explore().originals
    assert (originals.sampled, originals.unreadable, originals.width) == (16, 16, None)
    assert "Size of the originals</h2>" not in (made.folder / "out" / "explore.html").read_text()


def test_originals_are_read_from_a_bucket(small_source: Path, upload: Callable[..., str], tmp_path: Path) -> None:
    run_pipeline(upload(small_source, "bins"), tmp_path)
    originals = describe(tmp_path).originals
    assert (originals.sampled, originals.unreadable) == (60, 0)
    assert (originals.width.median, originals.height.median) == (40, 30)


# --- the page


class Page(HTMLParser):
    """Collects what a page loads, its elements, and whether each picture is described."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.descriptions: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        values = dict(attributes)
        self.loaded += [values[name] or "" for name in ("src", "href", "srcset", "data") if name in values]
        if tag == "img" or values.get("role") == "img":
            self.descriptions.append(values.get("alt") or values.get("aria-label") or "")
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_report_is_one_well_formed_file_that_loads_nothing_and_describes_its_pictures(
    small_source: Path, tmp_path: Path
) -> None:
    run_pipeline(small_source.as_uri(), tmp_path)
    describe(tmp_path)
    text = (tmp_path / "out" / "explore.html").read_text()
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert all(address.startswith("data:image/") for address in page.loaded)
    assert len(page.loaded) == 4 + 6 * 3
    assert all(page.descriptions)
    assert len(page.descriptions) == len(page.loaded) + 6
    assert not re.search(r"https?://|url\(|@import", text)


def test_markup_in_a_class_name_an_id_and_a_reason_is_shown_as_text(data: Callable[..., Data]) -> None:
    evil = "<script>alert(1)</script>"
    made = data((evil, "$x$", "c"))
    made.rows[0] = CatalogImage(evil, "file:///x", 0, "g", "train")
    made.unusable.append(QuarantinedImage("q", f"file:///{evil}", f"bad {evil}"))
    made.explore()
    text = (made.folder / "out" / "explore.html").read_text()
    assert "script" not in Page(text).tags
    assert text.count("&lt;script&gt;") >= 4


def test_of_many_classes_the_rarest_are_seen_at_once_and_the_others_behind_a_click(data: Callable[..., Data]) -> None:
    names = tuple(f"breed {number:03}" for number in range(40))
    made = data(names, tuple(2 + 40 - number for number in range(40)))
    made.explore()
    text = (made.folder / "out" / "explore.html").read_text()
    assert Page(text).open == []
    listed = re.findall(r'<td class="name">(breed \d+)</td><td>', text)
    assert listed == sorted(names, reverse=True)
    table, _, _ = text.partition("<summary>The other 25 classes</summary>")
    assert "breed 025" in table.partition("Photos of each class")[2]
    assert "breed 024" not in table.partition("Photos of each class")[2]
    assert text.count("<summary>The other 25 classes</summary>") == 5
    assert all(f"<h3>{name} " in text for name in names)


def test_classes_with_equally_many_photos_are_not_said_to_be_unequal(data: Callable[..., Data]) -> None:
    made = data(per_class=(3, 3, 3))
    made.explore()
    assert "All classes have as many photos." in (made.folder / "out" / "explore.html").read_text()


def test_the_same_inputs_and_seed_give_the_same_bytes_and_another_seed_other_samples(
    small_source: Path, tmp_path: Path
) -> None:
    run_pipeline(small_source.as_uri(), tmp_path)
    pages = []
    for seed in (0, 0, 1):
        describe(tmp_path, SETTINGS.model_copy(update={"seed": seed}))
        pages.append([(tmp_path / "out" / name).read_bytes() for name in ("explore.json", "explore.html")])
    assert pages[0] == pages[1]
    assert pages[0][1] != pages[2][1]


def test_explore_json_is_what_the_function_returns(data: Callable[..., Data]) -> None:
    made = data()
    findings = made.explore()
    written = json.loads((made.folder / "out" / "explore.json").read_text())
    assert Findings.model_validate(written) == findings
    assert written["classes"][0]["class"] == "0"


# --- wrong inputs


def test_shards_of_another_catalog_are_refused(data: Callable[..., Data]) -> None:
    made = data()
    made.write()
    write_dataset(made.folder / "test", Dataset(classes=("0", "1", "2", "3"), preprocessing=Preprocessing(size=SIZE)))
    with pytest.raises(StepError, match="the shards of test have the classes 0, 1, 2, 3, but the catalog has 0, 1, 2:"):
        describe(made.folder)


def test_images_that_nobody_accounts_for_are_an_error(data: Callable[..., Data]) -> None:
    made = data()
    made.write()
    write_quarantine(
        made.folder / "report" / "algo-1-quarantine.parquet", [QuarantinedImage("x", "file:///x", "never catalogued")]
    )
    with pytest.raises(StepError, match="the catalog has 16 images, but ingest packed 16 and could not read 1:"):
        describe(made.folder)


def test_a_report_folder_without_quarantine_files_is_named(data: Callable[..., Data]) -> None:
    made = data()
    made.write()
    for file in (made.folder / "report").iterdir():
        file.unlink()
    with pytest.raises(StepError, match=r"report holds no \*-quarantine\.parquet"):
        describe(made.folder)


# --- all together


def run_pipeline(source: str, folder: Path) -> None:
    catalog(CatalogSettings(source=source), folder / "catalog")
    how = IngestSettings(size=SIZE, concurrency=2)
    ingest(how, folder / "catalog", {split: folder / split for split in SPLITS}, folder / "report", ONE_HOST)


def test_real_photos_are_described(real_photos: Callable[..., Path], tmp_path: Path) -> None:
    run_pipeline(real_photos("bucket").as_uri(), tmp_path)
    findings = describe(tmp_path)
    assert findings.accounting.model_dump() == {
        "found": 1050,
        "left_out": 150,
        "unusable": 0,
        "unreadable": 0,
        "packed": 900,
    }
    assert findings.groups.divided == 0
    assert 300 <= findings.originals.width.median <= 800
    assert findings.published is not None


def test_the_step_runs_under_the_container_contract(small_source: Path, tmp_path: Path) -> None:
    run_pipeline(small_source.as_uri(), tmp_path)
    base = tmp_path / "ml"
    (base / "config").mkdir(parents=True)
    inputs = [
        {"InputName": name, "S3Input": {"LocalPath": str(tmp_path / name)}} for name in ("catalog", *SPLITS, "report")
    ]
    outputs = [{"OutputName": "explore", "S3Output": {"LocalPath": "/opt/ml/processing/output/explore"}}]
    config = {"ProcessingInputs": inputs, "ProcessingOutputConfig": {"Outputs": outputs}}
    (base / "config" / "processingjobconfig.json").write_text(json.dumps(config))
    (base / "config" / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
    done = subprocess.run(
        [sys.executable, "-m", "steps.explore", "--gallery", "2", "--colours", "2"],
        env=os.environ | {"SAGEMAKER_BASE_DIR": str(base)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    output = base / "processing" / "output" / "explore"
    assert {file.name for file in output.iterdir()} == {"explore.json", "explore.html"}
    assert "measured 60 of 60 original images" in done.stdout

"""How fast the whole ingest step is, and whether its memory depends on how many images there are."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console
from rich.table import Table
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from steps.catalog_files import CatalogImage, CatalogSummary, write_catalog
from steps.shards import Shards

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
SIZE = 224
SHARD_MB = 64
"""Small, so that 2,000 images of 0.15 MB fill several shards."""

FEW, MANY, SEED_IMAGES = 2_000, 20_000, 1_000
CLASSES = tuple(map(str, range(6)))
SPLITS = ("train",) * 8 + ("validation", "test")
NAMES = ("A product with a name as long as those of the dataset are, in several colours and sizes",) * 3


class Run(NamedTuple):
    """A row of the table."""

    name: str
    images: int
    seconds: float
    cpu_seconds: float
    peak_mb: float | None = None


def put_up(photos: Sequence[bytes], folder: Path) -> list[Path]:
    """`MANY` files in a folder per class; they share the contents of a few."""
    originals = [folder / f"{number}.jpg" for number in range(len(photos))]
    folder.mkdir()
    for file, photo in zip(originals, photos, strict=True):
        file.write_bytes(photo)
    files = [folder / CLASSES[number % len(CLASSES)] / f"{number:05d}.jpg" for number in range(MANY)]
    for name in CLASSES:
        (folder / name).mkdir()
    for number, file in enumerate(files):
        file.hardlink_to(originals[number % len(originals)])
    return files


def put_up_catalog(files: Sequence[Path], folder: Path) -> Path:
    rows = [
        CatalogImage(
            file.stem, file.as_uri(), row % len(CLASSES), f"{row:016x}", SPLITS[row % len(SPLITS)], len(NAMES), NAMES
        )
        for row, file in enumerate(files)
    ]
    summary = CatalogSummary(
        source="file:///photos", classes=CLASSES, found=len(rows), left_out=0, quarantined=0, images={}, groups={}
    )
    write_catalog(folder, rows, [], summary)
    return folder


def run_step(files: Sequence[Path], base: Path) -> Run:
    """`python -m steps.ingest` in place of a container, from its start to its end."""
    splits = sorted(set(SPLITS))
    inputs = [{"InputName": "catalog", "S3Input": {"LocalPath": str(put_up_catalog(files, base / "catalog"))}}]
    outputs = [
        {"OutputName": name, "S3Output": {"LocalPath": f"/opt/ml/processing/{name}"}} for name in (*splits, "report")
    ]
    (base / "config").mkdir()
    for name, content in (
        ("processingjobconfig", {"ProcessingInputs": inputs, "ProcessingOutputConfig": {"Outputs": outputs}}),
        ("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]}),
    ):
        (base / "config" / f"{name}.json").write_text(json.dumps(content))
    options = ["--size", str(SIZE), "--shard-mb", str(SHARD_MB)]
    command = [sys.executable, str(HERE / "peak_memory.py"), "steps.ingest", *options]
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(base), "PYTHONPATH": str(REPOSITORY)}
    start, computed = time.perf_counter(), children_cpu_seconds()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    seconds, cpu_seconds = time.perf_counter() - start, children_cpu_seconds() - computed
    assert sum(len(Shards(base / "processing" / split)) for split in splits) == len(files)
    assert len(list((base / "processing" / "train").glob("*/images.npy"))) > 1
    shutil.rmtree(base)
    return Run(f"ingest, {os.cpu_count()} cores", len(files), seconds, cpu_seconds, float(done.stdout.split()[-1]))


def children_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_tutorial(files: Sequence[Path], folder: Path) -> list[Run]:
    """Files copied one by one, then read by torchvision, one after the other, in every epoch again."""
    start, computed = time.perf_counter(), time.process_time()
    for file in files:
        copy = folder / file.parent.name / file.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    copied, copy_computed = time.perf_counter() - start, time.process_time() - computed
    dataset = ImageFolder(str(folder), v2.Compose([v2.Resize((SIZE, SIZE)), v2.PILToTensor()]))
    for position in range(len(dataset)):
        dataset[position]
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - computed
    return [
        Run("copy, then one epoch of ImageFolder", len(files), seconds, cpu_seconds),
        Run("ImageFolder, each further epoch", len(files), seconds - copied, cpu_seconds - copy_computed),
    ]


def test_the_whole_step(simulated_photos: list[bytes], tmp_path: Path) -> None:
    files = put_up(simulated_photos, tmp_path / "photos")
    baseline, further = run_tutorial(files[:SEED_IMAGES], tmp_path / "copied")
    few, many = (run_step(files[:images], tmp_path / f"{images}") for images in (FEW, MANY))
    assert few.peak_mb is not None
    table = Table(title=f"ingest of simulated photos, {SIZE} px, shards of {SHARD_MB} MB", title_justify="left")
    for heading in ("", "images", "seconds", "images/s", "x first line", "CPU ms each", "peak MB", f"x {FEW:,} images"):
        table.add_column(heading, justify="left" if not heading else "right")
    for run in (baseline, further, few, many):
        memory = ("", "") if run.peak_mb is None else (f"{run.peak_mb:.0f}", f"{run.peak_mb / few.peak_mb:.2f}")
        rate, base_rate = run.images / run.seconds, baseline.images / baseline.seconds
        cpu_ms = f"{1000 * run.cpu_seconds / run.images:.2f}"
        cells = (f"{run.images:,}", f"{run.seconds:.1f}", f"{rate:,.0f}", f"{rate / base_rate:.2f}", cpu_ms, *memory)
        table.add_row(run.name, *cells)
    Console(width=120).print(table)

"""Fetch this instance's share of the catalogued images, bring them to one size and pack them."""

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import BoundedSemaphore

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from steps.catalog_files import CatalogImage, QuarantinedImage, read_images, read_summary, write_quarantine
from steps.contract import Hosts, StepError
from steps.ingest.decode import MAX_FILE_BYTES, UnreadableImageError, decode
from steps.ingest.pack import Packer
from steps.ingest.settings import IngestSettings
from steps.parallel import in_order
from steps.progress import reported
from steps.shards import Dataset, write_dataset
from steps.storage import Storage, UnreadableObjectError

logger = logging.getLogger(__name__)


class IngestSummary(BaseModel):
    """What became of this instance's share of the catalog."""

    model_config = ConfigDict(frozen=True)

    host: str = Field(description="name of the instance")
    catalogued: int = Field(ge=0, description="images of the catalog that were this instance's share")
    packed: dict[str, int] = Field(description="per split, images that are in shards")
    quarantined: int = Field(ge=0, description="images that could not be read; <host>-quarantine.parquet tells why")


def ingest(
    settings: IngestSettings, catalog: Path, outputs: Mapping[str, Path], report: Path, hosts: Hosts
) -> IngestSummary:
    """Pack this instance's share of the images in `catalog` into shards.

    Instance i of n takes the rows i, i + n, i + 2n, ... Within a split, images keep the catalog's order. An image that
    cannot be read goes to `<host>-quarantine.parquet` in `report` with the reason.

    Args:
        settings: how images are brought to one size and packed.
        catalog: folder that the catalog step wrote.
        outputs: folder of each split's dataset, by split.
        report: folder of the summary and the quarantine.
        hosts: the instances of the job.

    Returns:
        the summary, as written to `<host>-ingest.json`.

    Raises:
        StepError: the catalog is broken or holds no image, a split has no output, the storage fails, or not one image
            could be read.
    """
    classes = read_summary(catalog).classes
    rows = read_images(catalog, hosts.index, hosts.count)
    packers = _open_packers(settings, rows, outputs, hosts.current)
    quarantine = _pack(settings, rows, packers)
    if rows and len(quarantine) == len(rows):
        raise StepError(
            f"not one of {len(rows):,} images could be read; the first, {rows[0].uri}: {quarantine[0].reason}"
        )
    for folder in outputs.values():
        write_dataset(folder, Dataset(classes=classes, size=settings.size, resize=settings.resize))
    summary = IngestSummary(
        host=hosts.current,
        catalogued=len(rows),
        packed={split: packer.packed for split, packer in packers.items()},
        quarantined=len(quarantine),
    )
    if summary.catalogued != sum(summary.packed.values()) + summary.quarantined:
        raise RuntimeError(f"images were lost: {summary}")
    _write_report(report, summary, quarantine)
    return summary


def _open_packers(
    settings: IngestSettings, rows: Sequence[CatalogImage], outputs: Mapping[str, Path], host: str
) -> dict[str, Packer]:
    expected = Counter(row.split for row in rows)
    if unknown := sorted(set(expected) - set(outputs)):
        raise StepError(f"the job has no output for the split {', '.join(unknown)} of the catalog")
    return {
        split: Packer(folder, host, settings.size, settings.shard_images, expected[split])
        for split, folder in outputs.items()
    }


def _pack(
    settings: IngestSettings, rows: Sequence[CatalogImage], packers: Mapping[str, Packer]
) -> list[QuarantinedImage]:
    load = _Loader(settings.size)
    results = in_order(load, rows, settings.concurrency)
    quarantine: list[QuarantinedImage] = []
    for row, result in zip(rows, reported(results, "packed", "images", len(rows)), strict=True):
        if isinstance(result, QuarantinedImage):
            quarantine.append(result)
        else:
            packers[row.split].add(result, row.label, row.id)
    for packer in packers.values():
        packer.flush()
    return quarantine


class _Loader:
    """Fetches and decodes an image: many are fetched at a time, but only as many decoded as there are cores."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._storage = Storage()
        self._cores = BoundedSemaphore(os.cpu_count() or 1)

    def __call__(self, row: CatalogImage) -> NDArray[np.uint8] | QuarantinedImage:
        try:
            content = self._storage.read(row.uri, MAX_FILE_BYTES)
            with self._cores:
                return decode(content, self._size)
        except (UnreadableObjectError, UnreadableImageError) as error:
            return QuarantinedImage(row.id, row.uri, str(error))


def _write_report(report: Path, summary: IngestSummary, quarantine: Sequence[QuarantinedImage]) -> None:
    report.mkdir(parents=True, exist_ok=True)
    write_quarantine(report / f"{summary.host}-quarantine.parquet", quarantine)
    (report / f"{summary.host}-ingest.json").write_text(summary.model_dump_json(indent=2), encoding="utf-8")
    for image in quarantine[:10]:
        logger.warning("unreadable: %s: %s", image.uri, image.reason)
    if len(quarantine) > 10:
        logger.warning("and %s more unreadable images", f"{len(quarantine) - 10:,}")

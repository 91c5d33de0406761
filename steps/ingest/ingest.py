"""Fetch this instance's share of the catalogued images, bring them to one size and pack them."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import BoundedSemaphore

import cv2
from pydantic import BaseModel, ConfigDict, Field

from steps.catalog_files import CatalogImage, QuarantinedImage, read_images, read_summary, write_quarantine
from steps.contract import Hosts, StepError
from steps.decoding import MAX_FILE_BYTES, Pixels, UnreadableImageError
from steps.images import preprocess
from steps.ingest.pack import Packer
from steps.ingest.plan import PlannedShard, plan_shards
from steps.ingest.records import ShardRecord, read_record, remove_leftovers
from steps.ingest.settings import IngestSettings
from steps.parallel import in_order
from steps.preprocessing import Preprocessing
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
    cannot be read goes to `<host>-quarantine.parquet` in `report` with the reason. Shards that an interrupted run of
    the same job has finished are kept; the files are the same as those of an undisturbed run.

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
    rows = read_images(catalog, hosts.index, hosts.count, products=False)
    if unknown := sorted({row.split for row in rows} - set(outputs)):
        raise StepError(f"the job has no output for the split {', '.join(unknown)} of the catalog")
    shards = plan_shards(settings, rows, outputs, hosts.current)
    records = _make(settings, shards, outputs, hosts.current)
    summary = _summarise(hosts.current, rows, outputs, shards, records)
    quarantine = _in_order_of(rows, records)
    if rows and len(quarantine) == len(rows):
        raise StepError(
            f"not one of {len(rows):,} images could be read; the first, {rows[0].uri}: {quarantine[0].reason}"
        )
    for folder in outputs.values():
        write_dataset(folder, Dataset(classes=classes, preprocessing=settings.preprocessing))
    _write_report(report, summary, quarantine)
    return summary


def _make(
    settings: IngestSettings, shards: Sequence[PlannedShard], outputs: Mapping[str, Path], host: str
) -> list[ShardRecord]:
    """Make the shards that are not finished; answers the records of all, in their order."""
    found = [read_record(outputs[shard.split], shard) for shard in shards]
    finished = [shard for shard, record in zip(shards, found, strict=True) if record]
    missing = [shard for shard, record in zip(shards, found, strict=True) if not record]
    for split, folder in outputs.items():
        remove_leftovers(folder, host, [shard for shard in finished if shard.split == split])
    if finished:
        logger.info("%s of %s shards are finished already", f"{len(finished):,}", f"{len(shards):,}")
    rows = [row for shard in missing for row in shard.rows]
    packer = Packer(outputs, missing, settings.size)
    images = in_order(_Loader(settings.preprocessing), rows, settings.concurrency)
    for image in reported(images, "packed", "images", len(rows)):
        packer.add(image)
    made = iter(packer.records)
    return [record or next(made) for record in found]


class _Loader:
    """Fetches and prepares an image: many are fetched at a time, but only as many decoded as there are cores."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        cv2.setNumThreads(1)  # every core has an image of its own
        self._preprocessing = preprocessing
        self._storage = Storage()
        self._cores = BoundedSemaphore(os.cpu_count() or 1)

    def __call__(self, row: CatalogImage) -> Pixels | QuarantinedImage:
        try:
            content = self._storage.read(row.uri, MAX_FILE_BYTES)
            with self._cores:
                return preprocess(content, self._preprocessing)
        except (UnreadableObjectError, UnreadableImageError) as error:
            return QuarantinedImage(row.id, row.uri, str(error))


def _summarise(
    host: str,
    rows: Sequence[CatalogImage],
    splits: Mapping[str, Path],
    shards: Sequence[PlannedShard],
    records: Sequence[ShardRecord],
) -> IngestSummary:
    packed = dict.fromkeys(splits, 0)
    for shard, record in zip(shards, records, strict=True):
        packed[shard.split] += record.packed
    quarantined = sum(len(record.quarantined) for record in records)
    if len(rows) != sum(packed.values()) + quarantined:
        raise RuntimeError(f"images were lost: of {len(rows)}, {packed} are packed and {quarantined} quarantined")
    return IngestSummary(host=host, catalogued=len(rows), packed=packed, quarantined=quarantined)


def _in_order_of(rows: Sequence[CatalogImage], records: Sequence[ShardRecord]) -> list[QuarantinedImage]:
    bad = {image.id: image for record in records for image in record.quarantined}
    return [bad[row.id] for row in rows if row.id in bad]


def _write_report(report: Path, summary: IngestSummary, quarantine: Sequence[QuarantinedImage]) -> None:
    report.mkdir(parents=True, exist_ok=True)
    write_quarantine(report / f"{summary.host}-quarantine.parquet", quarantine)
    (report / f"{summary.host}-ingest.json").write_text(summary.model_dump_json(indent=2), encoding="utf-8")
    for image in quarantine[:10]:
        logger.warning("unreadable: %s: %s", image.uri, image.reason)
    if len(quarantine) > 10:
        logger.warning("and %s more unreadable images", f"{len(quarantine) - 10:,}")

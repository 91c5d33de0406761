"""Which image goes into which shard: fixed before any image is read, so that a restarted job knows what is finished."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from steps.catalog_files import CatalogImage
from steps.ingest.settings import IngestSettings


@dataclass(frozen=True)
class PlannedShard:
    """The images that are meant for one shard; those that cannot be read will be missing from it.

    Attributes:
        split: the split whose dataset it belongs to.
        name: the shard's name, unique in that dataset.
        rows: the images, in the catalog's order.
        fingerprint: digest of the images' ids, places and labels and of their preprocessing.
    """

    split: str
    name: str
    rows: tuple[CatalogImage, ...]
    fingerprint: str


def plan_shards(
    settings: IngestSettings, rows: Sequence[CatalogImage], splits: Iterable[str], host: str
) -> list[PlannedShard]:
    """Divide `rows`, one instance's share of the catalog, into the shards of each split.

    The result depends on the arguments alone, and not on `settings.concurrency`.
    """
    shards = []
    for split in splits:
        members = [row for row in rows if row.split == split]
        for number, start in enumerate(range(0, len(members), settings.shard_capacity)):
            chosen = tuple(members[start : start + settings.shard_capacity])
            shards.append(PlannedShard(split, f"{host}-{number:05d}", chosen, _fingerprint(settings, chosen)))
    return shards


def _fingerprint(settings: IngestSettings, rows: Sequence[CatalogImage]) -> str:
    content = [settings.preprocessing.model_dump(), [(row.id, row.uri, row.label) for row in rows]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()

"""Count what is there: images by class and split, groups by size, quarantined images by reason."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steps.catalog_files import CatalogImage, QuarantinedImage, read_quarantine
from steps.contract import StepError
from steps.explore.findings import ClassImages, Groups, GroupSize, Published, Reason
from steps.shards import Shards

# Source: the dataset's documentation, images of the 535,234 by EXPECTED_QUANTITY; 39,185 have more than ten items.
ABID_IMAGES = {
    str(count): images
    for count, images in enumerate(
        (9_901, 41_347, 77_063, 90_258, 80_750, 62_648, 46_058, 33_684, 24_219, 17_298, 12_823)
    )
}
GROUP_SIZES = ((1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, None))
MOST_REASONS = 20


def count_classes(datasets: Mapping[str, Shards], classes: Sequence[str]) -> tuple[ClassImages, ...]:
    """Packed images of each class, by split."""
    table = _table(datasets, len(classes))
    totals = table.sum(axis=0)
    return tuple(
        ClassImages(
            name=name,
            images=dict(zip(datasets, table[:, label].tolist(), strict=True)),
            share=float(totals[label] / totals.sum()),
        )
        for label, name in enumerate(classes)
    )


def class_drift(datasets: Mapping[str, Shards], classes: int) -> float:
    """Largest difference of a class's share between a split and the whole, 0 to 1."""
    table = _table(datasets, classes)
    whole = table.sum(axis=0) / table.sum()
    return float(np.abs(table / table.sum(axis=1, keepdims=True) - whole).max())


def _table(datasets: Mapping[str, Shards], classes: int) -> NDArray[np.int64]:
    """Images by split (rows) and class (columns)."""
    return np.stack([np.bincount(shards.labels, minlength=classes) for shards in datasets.values()])


def compare_with_published(classes: Sequence[ClassImages]) -> Published | None:
    """Class shares against those of the whole dataset; None where a class is no count with a published figure."""
    if any(entry.name not in ABID_IMAGES for entry in classes):
        return None
    total = sum(ABID_IMAGES[entry.name] for entry in classes)
    shares = {entry.name: ABID_IMAGES[entry.name] / total for entry in classes}
    # Total variation: half of the sum, because an image that leaves one class enters another.
    distance = sum(abs(entry.share - shares[entry.name]) for entry in classes) / 2
    return Published(shares=shares, distance=distance)


def count_groups(rows: Sequence[CatalogImage]) -> Groups:
    """Groups of the catalogued images by how many images they have."""
    sizes = Counter(row.group for row in rows)
    splits = defaultdict(set)
    for row in rows:
        splits[row.group].add(row.split)
    table = []
    for low, high in GROUP_SIZES:
        members = [size for size in sizes.values() if size >= low and (high is None or size <= high)]
        name = f"{low}+" if high is None else str(low) if low == high else f"{low}-{high}"
        table.append(GroupSize(size=name, groups=len(members), images=sum(members)))
    return Groups(
        groups=len(sizes),
        largest=max(sizes.values(), default=0),
        divided=sum(len(found) > 1 for found in splits.values()),
        sizes=tuple(table),
    )


def read_ingest_quarantine(report: Path) -> list[QuarantinedImage]:
    """What all of ingest's instances could not read.

    Raises:
        StepError: `report` was not written by ingest.
    """
    files = sorted(report.glob("*-quarantine.parquet"))
    if not files:
        raise StepError(f"{report} holds no *-quarantine.parquet: give the folder of ingest's output 'report'")
    return [image for file in files for image in read_quarantine(file)]


def count_reasons(quarantine: Mapping[str, Sequence[QuarantinedImage]]) -> tuple[Reason, ...]:
    """Quarantined images by step and reason, the commonest first and at most `MOST_REASONS`.

    Args:
        quarantine: what each step quarantined, by step.
    """
    alike: dict[tuple[str, str], list[QuarantinedImage]] = defaultdict(list)
    for step, images in quarantine.items():
        for image in images:
            alike[step, re.sub(r"\d[\d,.]*", "#", image.reason)].append(image)
    reasons = [
        Reason(step=step, reason=images[0].reason, images=len(images), example=images[0].uri)
        for (step, _), images in alike.items()
    ]
    return tuple(sorted(reasons, key=lambda reason: -reason.images)[:MOST_REASONS])

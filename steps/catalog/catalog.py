"""Read every image's label, group the images and fix the split."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from steps.catalog.abid import BinLabel, BinPhoto, find_photos, read_label
from steps.catalog.settings import SPLITS, CatalogSettings
from steps.catalog.split import assign_splits
from steps.catalog_files import CatalogImage, CatalogSummary, QuarantinedImage, write_catalog
from steps.contract import StepError
from steps.parallel import in_order
from steps.progress import reported
from steps.storage import Storage

logger = logging.getLogger(__name__)


def catalog(settings: CatalogSettings, output: Path) -> CatalogSummary:
    """Write the catalog of the images at `settings.source` into the folder `output`.

    An image that cannot be used is quarantined with the reason; one that holds more items than `settings.max_count`
    is left out. The result depends on what the source holds and on the settings, on nothing else.

    Returns:
        the summary, as written to catalog.json.

    Raises:
        StepError: the source cannot be read or holds no image with a label, or a class has no image.
    """
    source = settings.source.rstrip("/")
    storage = Storage()
    photos, quarantine = find_photos(storage, source)
    if not photos:
        raise StepError(_nothing_found(source, quarantine))
    found = len(photos) + len(quarantine)
    labelled, unlabelled = _read_labels(storage, photos, settings.concurrency)
    quarantine += unlabelled
    if not labelled:
        raise StepError(f"none of the {found:,} images in {source} has a label; the first: {quarantine[0].reason}")
    used = [(photo, label) for photo, label in labelled if label.count <= settings.max_count]
    _check_classes(source, used, settings.max_count)
    images = _split(used, settings)
    summary = _summarise(source, images, settings.max_count, len(labelled) - len(used), quarantine)
    if summary.found != found:
        raise RuntimeError(f"{found:,} images were found but {summary.found:,} are accounted for")
    write_catalog(output, images, sorted(quarantine, key=lambda row: row.id), summary)
    _log(summary)
    return summary


def _read_labels(
    storage: Storage, photos: Sequence[BinPhoto], concurrency: int
) -> tuple[list[tuple[BinPhoto, BinLabel]], list[QuarantinedImage]]:
    labelled: list[tuple[BinPhoto, BinLabel]] = []
    quarantine: list[QuarantinedImage] = []
    answers = in_order(partial(read_label, storage), photos, concurrency)
    for photo, answer in zip(photos, reported(answers, "read", "labels", len(photos)), strict=True):
        if isinstance(answer, BinLabel):
            labelled.append((photo, answer))
        else:
            quarantine.append(answer)
    return labelled, quarantine


def _nothing_found(source: str, quarantine: Sequence[QuarantinedImage]) -> str:
    layout = "it must hold bin-images/NNNNN.jpg beside metadata/NNNNN.json"
    if not quarantine:
        return f"{source} is empty or does not exist: {layout}"
    return f"no image in {source} has a metadata file of its name: {layout}; the first: {quarantine[0].reason}"


def _check_classes(source: str, used: Sequence[tuple[BinPhoto, BinLabel]], max_count: int) -> None:
    """Refuse a class without images: a model can neither learn it nor be judged on it."""
    present = {label.count for _, label in used}
    absent = [count for count in range(max_count + 1) if count not in present]
    if absent:
        lower = f"lower max_count to {absent[0] - 1} or " if absent[0] >= 2 else ""  # two classes are the least
        counts = ", ".join(map(str, absent))
        raise StepError(f"no image in {source} has a count of {counts} (max_count is {max_count}): {lower}add images")


def _split(used: Sequence[tuple[BinPhoto, BinLabel]], settings: CatalogSettings) -> list[CatalogImage]:
    validation, test = settings.validation_fraction, settings.test_fraction
    fractions = dict(zip(SPLITS, (1 - validation - test, validation, test), strict=True))
    labels = [label for _, label in used]
    splits = assign_splits(
        [label.count for label in labels], [label.group for label in labels], fractions, settings.seed
    )
    return [
        CatalogImage(photo.id, photo.image_uri, label.count, label.group, splits[label.group]) for photo, label in used
    ]


def _summarise(
    source: str,
    images: Sequence[CatalogImage],
    max_count: int,
    left_out: int,
    quarantine: Sequence[QuarantinedImage],
) -> CatalogSummary:
    cells: Mapping[tuple[str, int], int] = Counter((image.split, image.label) for image in images)
    groups = Counter(split for split, _ in {(image.split, image.group) for image in images})
    return CatalogSummary(
        source=source,
        classes=tuple(str(count) for count in range(max_count + 1)),
        found=len(images) + left_out + len(quarantine),
        left_out=left_out,
        quarantined=len(quarantine),
        images={split: tuple(cells[split, count] for count in range(max_count + 1)) for split in SPLITS},
        groups={split: groups[split] for split in SPLITS},
    )


def _log(summary: CatalogSummary) -> None:
    for split, images in summary.images.items():
        logger.info("%s: %s images, by class %s", split, f"{sum(images):,}", ", ".join(f"{n:,}" for n in images))
        for name, count in zip(summary.classes, images, strict=True):
            if not count:
                logger.warning("%s holds no image of class %s: too few to divide", split, name)
    used = sum(map(sum, summary.images.values()))
    groups = sum(summary.groups.values())
    logger.info(
        "found %s images: %s used, in %s groups; %s left out, %s quarantined",
        *(f"{number:,}" for number in (summary.found, used, groups, summary.left_out, summary.quarantined)),
    )

"""Read every image's label, group the images and fix the split."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from steps.catalog import abid, file_list, folders
from steps.catalog.acceptance import check_census, frequent_reasons
from steps.catalog.census import Census, LabelledImage
from steps.catalog.placement import allowed_splits
from steps.catalog.previous import Previous, read_previous
from steps.catalog.settings import SPLITS, CatalogSettings, Layout
from steps.catalog.split import assign_splits
from steps.catalog_files import CatalogImage, CatalogSummary, write_catalog
from steps.storage import Storage

LAYOUTS: Mapping[Layout, Callable[[Storage, CatalogSettings], Census]] = {
    "abid": abid.take_census,
    "file_list": file_list.take_census,
    "folders": folders.take_census,
}

logger = logging.getLogger(__name__)


def catalog(settings: CatalogSettings, output: Path) -> CatalogSummary:
    """Write the catalog of the images at `settings.source` into the folder `output`.

    An image that cannot be used is quarantined with the reason. The result depends on what the source and the previous
    catalog hold and on the settings, on nothing else.

    Returns:
        the summary, as written to catalog.json.

    Raises:
        StepError: the source or the previous catalog cannot be read, the source does not have the layout, too many of
            its images cannot be used, or a class has no image.
    """
    storage = Storage()
    previous = read_previous(storage, settings.previous)
    census = LAYOUTS[settings.layout](storage, settings)
    check_census(census, settings.source, settings.max_bad_fraction)
    images = _split(census.images, previous, settings)
    summary = _summarise(settings.source, census, images)
    write_catalog(output, images, sorted(census.quarantine, key=lambda row: row.id), summary)
    _log(summary, census)
    return summary


def _split(found: Sequence[LabelledImage], previous: Previous, settings: CatalogSettings) -> list[CatalogImage]:
    validation, test = settings.validation_fraction, settings.test_fraction
    fractions = dict(zip(SPLITS, (1 - validation - test, validation, test), strict=True))
    splits = assign_splits(
        [image.label for image in found],
        [image.group for image in found],
        allowed_splits(found, previous),
        fractions,
        settings.seed,
    )
    return [
        CatalogImage(image.id, image.uri, image.label, image.group, splits[image.group], image.items, image.names)
        for image in found
    ]


def _summarise(source: str, census: Census, images: Sequence[CatalogImage]) -> CatalogSummary:
    cells: Mapping[tuple[str, int], int] = Counter((image.split, image.label) for image in images)
    groups = Counter(split for split, _ in {(image.split, image.group) for image in images})
    return CatalogSummary(
        source=source,
        classes=census.classes,
        found=len(images) + census.left_out + len(census.quarantine),
        left_out=census.left_out,
        quarantined=len(census.quarantine),
        images={split: tuple(cells[split, label] for label in range(len(census.classes))) for split in SPLITS},
        groups={split: groups[split] for split in SPLITS},
    )


def _log(summary: CatalogSummary, census: Census) -> None:
    for split, images in summary.images.items():
        logger.info("%s: %s images, by class %s", split, f"{sum(images):,}", ", ".join(f"{n:,}" for n in images))
        for name, count in zip(summary.classes, images, strict=True):
            if not count:
                logger.warning("%s holds no image of class %s: too few to divide", split, name)
    if census.quarantine:
        logger.warning("quarantined: %s", frequent_reasons(census.quarantine))
    used = sum(map(sum, summary.images.values()))
    groups = sum(summary.groups.values())
    logger.info(
        "found %s images: %s used, in %s groups; %s left out, %s quarantined",
        *(f"{number:,}" for number in (summary.found, used, groups, summary.left_out, summary.quarantined)),
    )

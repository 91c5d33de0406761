"""Describe the dataset in figures and in a page that a person enjoys reading."""

import logging
from collections.abc import Mapping
from pathlib import Path

from steps.catalog_files import read_images, read_quarantine, read_summary
from steps.contract import StepError
from steps.explore.census import (
    class_drift,
    compare_with_published,
    count_classes,
    count_groups,
    count_reasons,
    read_ingest_quarantine,
)
from steps.explore.findings import Accounting, Findings
from steps.explore.look import describe_classes
from steps.explore.originals import measure_originals
from steps.explore.report import write_report
from steps.explore.settings import ExploreSettings
from steps.progress import reported
from steps.shards import Shards

logger = logging.getLogger(__name__)

FINDINGS_NAME = "explore.json"
REPORT_NAME = "explore.html"


def explore(
    settings: ExploreSettings, catalog: Path, shards: Mapping[str, Path], report: Path, output: Path
) -> Findings:
    """Describe what was catalogued and packed; write explore.json and explore.html to `output`.

    All images are counted; what they look like, and how large the originals are, is measured on a sample. Looks and
    sample images are those of the training split, so that the test split stays unseen.

    Args:
        settings: how much is looked at.
        catalog: folder that catalog wrote.
        shards: folder of each split's dataset, uint8 [N, size, size, 3]; `train` is one of them.
        report: folder of ingest's summaries and quarantines.
        output: folder to write to; made when absent.

    Returns:
        What explore.json holds.

    Raises:
        StepError: an input is missing, broken or empty, they do not belong together, or original images cannot be
            fetched.
    """
    summary, rows = read_summary(catalog), read_images(catalog, products=False)
    datasets = {split: Shards(folder) for split, folder in shards.items()}
    train = datasets["train"]
    packed = sum(len(dataset) for dataset in datasets.values())
    unusable = read_quarantine(catalog / "quarantine.parquet")
    unreadable = read_ingest_quarantine(report)
    _check_classes(summary.classes, datasets)
    _check_sum(len(rows), packed, len(unreadable))
    reasons = count_reasons({"catalog": unusable, "ingest": unreadable})
    classes = count_classes(datasets, summary.classes)
    findings = Findings(
        source=summary.source,
        size=train.dataset.size,
        resize=train.dataset.preprocessing.resize,
        accounting=Accounting(
            found=summary.found,
            left_out=summary.left_out,
            unusable=len(unusable),
            unreadable=len(unreadable),
            packed=packed,
        ),
        classes=classes,
        drift=class_drift(datasets, len(classes)),
        published=compare_with_published(classes),
        looks=tuple(reported(describe_classes(settings, train), "described", "classes", len(classes))),
        originals=measure_originals(settings, rows),
        groups=count_groups(rows),
        quarantine=reasons,
        other_reasons=len(unusable) + len(unreadable) - sum(reason.images for reason in reasons),
    )
    output.mkdir(parents=True, exist_ok=True)
    write_report(output / REPORT_NAME, findings, train, settings)
    (output / FINDINGS_NAME).write_text(findings.model_dump_json(indent=2, by_alias=True), encoding="utf-8")
    quarantined = len(unusable) + len(unreadable)
    logger.info(
        "described %s images of %s classes; %s are in quarantine", f"{packed:,}", len(classes), f"{quarantined:,}"
    )
    return findings


def _check_classes(classes: tuple[str, ...], datasets: Mapping[str, Shards]) -> None:
    for split, shards in datasets.items():
        if shards.dataset.classes != classes:
            raise StepError(
                f"the shards of {split} have the classes {', '.join(shards.dataset.classes)}, but the catalog has "
                f"{', '.join(classes)}: give the catalog that these shards were made from"
            )


def _check_sum(catalogued: int, packed: int, unreadable: int) -> None:
    if catalogued != packed + unreadable:
        raise StepError(
            f"the catalog has {catalogued:,} images, but ingest packed {packed:,} and could not read {unreadable:,}: "
            "give the shards and the report of one and the same run of ingest over this catalog"
        )

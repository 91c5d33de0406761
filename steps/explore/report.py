"""Write the data report a person reads: one HTML file that needs nothing else."""

from dataclasses import dataclass
from pathlib import Path

from steps.explore.findings import Findings
from steps.explore.look import sample_class
from steps.explore.plots import aspect_chart, group_chart, published_chart, size_chart
from steps.explore.settings import ExploreSettings
from steps.page import render_page
from steps.pictures import photo
from steps.shards import Shards

TEMPLATE = Path(__file__).with_name("report.html")
THUMBNAIL_PIXELS = 128


@dataclass(frozen=True)
class Sample:
    """A photo as a data URI, and its id."""

    photo: str
    id: str


@dataclass(frozen=True)
class ClassRow:
    """A class with its photos.

    Attributes:
        name: the class's.
        images: how many it has, by split.
        total: their sum.
        share: of all photos.
        height: that sum as a share of the commonest class's.
        samples: some of its training photos.
    """

    name: str
    images: dict[str, int]
    total: int
    share: float
    height: float
    samples: list[Sample]


def write_report(file: Path, findings: Findings, train: Shards, settings: ExploreSettings) -> None:
    """Write the report to `file`.

    Args:
        file: where to write.
        findings: the figures.
        train: the images that samples are taken from.
        settings: how many samples, and which.
    """
    rows = _rows(findings, train, settings)
    originals, published = findings.originals, findings.published
    page = render_page(
        TEMPLATE,
        findings=findings,
        settings=settings,
        rows=rows,
        totals={split: sum(row.images[split] for row in rows) for split in rows[0].images},
        widest_name=max(len(row.name) for row in rows),
        commonest=max(rows, key=lambda row: row.total),
        rarest=min(rows, key=lambda row: row.total),
        # Beside these scales every class's bar can be compared with every other's.
        sharpest=max((look.sharpness.high for look in findings.looks), default=0) or 1,
        published=published_chart(findings.classes, published.shares) if published else None,
        sizes=size_chart(originals.width, originals.height) if originals.width and originals.height else None,
        aspect=aspect_chart(originals.aspect) if originals.aspect else None,
        groups=group_chart(findings.groups.sizes),
    )
    file.write_text(page, encoding="utf-8")


def _rows(findings: Findings, train: Shards, settings: ExploreSettings) -> list[ClassRow]:
    totals = [sum(entry.images.values()) for entry in findings.classes]
    return [
        ClassRow(entry.name, entry.images, total, entry.share, total / max(totals), _samples(train, label, settings))
        for label, (entry, total) in enumerate(zip(findings.classes, totals, strict=True))
    ]


def _samples(train: Shards, label: int, settings: ExploreSettings) -> list[Sample]:
    rows = sample_class(train, label, settings.gallery, settings.seed)
    return [
        Sample(photo(pixels, THUMBNAIL_PIXELS), str(train.ids[row]))
        for row, pixels in zip(rows, train.images(rows), strict=True)
    ]

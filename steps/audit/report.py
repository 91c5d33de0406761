"""Write the page a person reads: one HTML file that needs nothing else."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from steps.audit.findings import AuditedBin, Findings
from steps.audit.settings import AuditSettings
from steps.decoding import MAX_FILE_BYTES, UnreadableImageError, decode
from steps.page import render_page
from steps.parallel import in_order
from steps.pictures import photo
from steps.storage import Storage, UnreadableObjectError
from steps.survey_files import SurveySummary
from steps.verdict import Verdict

TEMPLATE = Path(__file__).with_name("audit.html")
MOST_QUARANTINED = 100
"""Bins that could not be audited which the page names; quarantine.parquet names all."""

SHOWN_PIXELS = 400
"""Longest side of a photo on the page: twice what is shown, for sharp screens."""

READERS = 8


@dataclass(frozen=True)
class Shown:
    """A bin on the page.

    Attributes:
        rank: its place among all, from 1.
        bin: what was found.
        photo: a data URI; empty where the photo is gone since.
    """

    rank: int
    bin: AuditedBin
    photo: str


def write_report(file: Path, settings: AuditSettings, summary: SurveySummary, findings: Findings) -> None:
    """Write the page to `file`.

    Args:
        file: where to write.
        settings: when a record is doubted, and how many bins to show.
        summary: what was audited, and with which model.
        findings: what was found.

    Raises:
        StepError: the photos' bucket denies access or fails.
    """
    page = render_page(
        TEMPLATE,
        settings=settings,
        summary=summary,
        findings=findings,
        mismatches=len(findings.judged("mismatch")),
        matches=len(findings.judged("match")),
        unsure=len(findings.judged("unsure")),
        unknown=sum(found.probability is None for found in findings.bins),
        wrong=_gallery(findings, "mismatch", settings.gallery),
        doubtful=_gallery(findings, "unsure", settings.gallery),
        quarantined=findings.quarantine[:MOST_QUARANTINED],
    )
    file.write_text(page, encoding="utf-8")


def _gallery(findings: Findings, verdict: Verdict, most: int) -> list[Shown]:
    """The first bins of a verdict, each with its photo."""
    ranked = (pair for pair in enumerate(findings.bins, start=1) if pair[1].verdict == verdict)
    chosen = list(islice(ranked, most))
    storage = Storage()
    photos = in_order(lambda pair: _photo(storage, pair[1].uri), chosen, READERS)
    return [Shown(rank, found, picture) for (rank, found), picture in zip(chosen, photos, strict=True)]


def _photo(storage: Storage, uri: str) -> str:
    try:
        return photo(decode(storage.read(uri, MAX_FILE_BYTES), SHOWN_PIXELS), SHOWN_PIXELS)
    except (UnreadableObjectError, UnreadableImageError):
        return ""

"""Compare what a model counts with what the records say, and write the table and the page."""

import logging
from pathlib import Path

from steps.audit.answers import read_answers
from steps.audit.findings import Findings, compare
from steps.audit.report import write_report
from steps.audit.settings import AuditSettings
from steps.catalog_files import write_quarantine
from steps.contract import StepError
from steps.survey_files import read_survey

logger = logging.getLogger(__name__)


def audit(settings: AuditSettings, survey: Path, answers: Path, output: Path) -> Findings:
    """Write audit.parquet, quarantine.parquet and audit.html to `output`.

    Args:
        settings: when a record is doubted.
        survey: folder that the survey step wrote.
        answers: folder of the transform job's results.
        output: folder to write to; made when absent.

    Raises:
        StepError: the survey or an answer is broken, or not one bin could be compared.
    """
    bins, quarantine, summary = read_survey(survey)
    findings = compare(settings, bins, dict(read_answers(answers)), quarantine)
    if not findings.bins:
        first = findings.quarantine[0]
        raise StepError(f"not one bin could be compared; the first, {first.id}: {first.reason}")
    output.mkdir(parents=True, exist_ok=True)
    findings.write(output / "audit.parquet")
    write_quarantine(output / "quarantine.parquet", findings.quarantine)
    write_report(output / "audit.html", settings, summary, findings)
    logger.info(headline(findings))
    return findings


def headline(findings: Findings) -> str:
    """What was found, in a line."""
    match, mismatch, unsure = (len(findings.judged(verdict)) for verdict in ("match", "mismatch", "unsure"))
    return (
        f"of {len(findings.bins):,} bins {match:,} agree with the records, {mismatch:,} likely do not, "
        f"{unsure:,} are unsure; {len(findings.quarantine):,} could not be audited"
    )

"""What an audit finds: each bin's record beside the model's count, the likeliest errors first."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from steps.audit.answers import Counted, Refused
from steps.audit.settings import AuditSettings
from steps.catalog_files import QuarantinedImage
from steps.survey_files import SurveyedBin
from steps.verdict import Verdict, judge

NO_ANSWER = "the model gave no answer"


@dataclass(frozen=True, slots=True)
class AuditedBin:
    """A bin's record and what the model says.

    Attributes:
        id: unique in the source.
        uri: where its photo lies.
        recorded: quantity on record, items.
        counted: quantity that the model answers, items.
        probability: of the recorded quantity, 0 to 1; None where the model does not know that quantity.
        confidence: probability of `counted`, 0 to 1.
        expected_value: mean quantity under the model's probabilities, items.
        verdict: match, mismatch or unsure.
    """

    id: str
    uri: str
    recorded: int
    counted: int
    probability: float | None
    confidence: float
    expected_value: float
    verdict: Verdict


_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("uri", pa.string()),
        ("recorded", pa.int64()),
        ("counted", pa.int64()),
        ("probability", pa.float64()),
        ("confidence", pa.float64()),
        ("expected_value", pa.float64()),
        ("verdict", pa.string()),
    ]
)


@dataclass(frozen=True)
class Findings:
    """All bins of an audit.

    Attributes:
        bins: the likeliest errors first: by the probability of the recorded quantity, of those equally probable the
            one counted most surely; at the end those whose quantity the model does not know.
        quarantine: bins that could not be audited.
    """

    bins: Sequence[AuditedBin]
    quarantine: Sequence[QuarantinedImage]

    def judged(self, verdict: Verdict) -> list[AuditedBin]:
        """The bins of a verdict, in the order of all."""
        return [found for found in self.bins if found.verdict == verdict]

    @property
    def recorded(self) -> int:
        """Items that the records say all bins hold together."""
        return sum(found.recorded for found in self.bins)

    @property
    def estimated(self) -> float:
        """Items that the model expects in all bins together; of a quantity that it does not know, the record's."""
        return sum(found.recorded if found.probability is None else found.expected_value for found in self.bins)

    def by_quantity(self) -> dict[int, Counter[Verdict]]:
        """How many bins of each recorded quantity have each verdict, the smallest quantity first."""
        table: dict[int, Counter[Verdict]] = {}
        for found in sorted(self.bins, key=lambda found: found.recorded):
            table.setdefault(found.recorded, Counter())[found.verdict] += 1
        return table

    def write(self, file: Path) -> None:
        """Write the bins, in their order, as Parquet."""
        columns = {name: [getattr(row, name) for row in self.bins] for name in _SCHEMA.names}
        pq.write_table(pa.table(columns, schema=_SCHEMA), file)


def compare(
    settings: AuditSettings,
    surveyed: Iterable[SurveyedBin],
    answers: Mapping[str, Counted | Refused],
    quarantine: Sequence[QuarantinedImage],
) -> Findings:
    """Put records and answers together.

    Args:
        settings: when a record is doubted.
        surveyed: the bins with their recorded quantities.
        answers: what the model said, by the bin's id.
        quarantine: bins that were left out before.
    """
    bins, unread = [], []
    for row in surveyed:
        answer = answers.get(row.id)
        if isinstance(answer, Counted):
            bins.append(_audited(row, answer, settings))
        else:
            unread.append(QuarantinedImage(row.id, row.uri, answer.error if answer else NO_ANSWER))
    return Findings(sorted(bins, key=_likeliest_error_first), [*quarantine, *unread])


def _audited(row: SurveyedBin, answer: Counted, settings: AuditSettings) -> AuditedBin:
    probability = answer.probabilities.get(str(row.recorded))
    return AuditedBin(
        id=row.id,
        uri=row.uri,
        recorded=row.recorded,
        counted=answer.count,
        probability=probability,
        confidence=answer.confidence,
        expected_value=answer.expected_value,
        verdict=judge(probability, settings.mismatch_below, settings.match_from),
    )


def _likeliest_error_first(found: AuditedBin) -> tuple[float, float, str]:
    return (2.0 if found.probability is None else found.probability, -found.confidence, found.id)

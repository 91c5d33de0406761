"""Records beside answers: the order of the bins, their verdicts, and what has no answer."""

from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from steps.audit.answers import Counted, Refused
from steps.audit.findings import NO_ANSWER, compare
from steps.audit.settings import AuditSettings
from steps.catalog_files import QuarantinedImage
from steps.survey_files import SurveyedBin

COUNTS = range(4)
SETTINGS = AuditSettings(mismatch_below=0.1, match_from=0.6)


def answer(weights: list[int]) -> Counted:
    shares = [weight / sum(weights) for weight in weights]
    best = shares.index(max(shares))
    return Counted(
        count=best,
        confidence=shares[best],
        probabilities={str(count): share for count, share in enumerate(shares)},
        expected_value=sum(count * share for count, share in enumerate(shares)),
    )


bins = st.lists(st.tuples(st.integers(0, 6), st.lists(st.integers(1, 50), min_size=4, max_size=4)), min_size=1)


@given(bins)
def test_every_bin_is_judged_once_and_no_less_probable_record_stands_below_a_more_probable_one(drawn):
    surveyed = [SurveyedBin(f"bin-{index}", "s3://b/x", recorded) for index, (recorded, _) in enumerate(drawn)]
    answers = {f"bin-{index}": answer(weights) for index, (_, weights) in enumerate(drawn)}
    findings = compare(SETTINGS, surveyed, answers, [])
    assert sorted(found.id for found in findings.bins) == sorted(answers)
    assert sum(len(findings.judged(verdict)) for verdict in ("match", "mismatch", "unsure")) == len(drawn)
    known = [found.probability for found in findings.bins if found.probability is not None]
    assert known == sorted(known)
    unknown = findings.bins[len(known) :]
    assert {found.recorded in COUNTS for found in unknown} <= {False}
    for found in findings.bins[: len(known)]:
        assert found.probability == answers[found.id].probabilities[str(found.recorded)]
    assert sum(verdicts.total() for verdicts in findings.by_quantity().values()) == len(drawn)
    assert findings.recorded == sum(recorded for recorded, _ in drawn)


def test_a_photo_without_an_answer_is_quarantined_beside_those_quarantined_before():
    surveyed = [SurveyedBin(name, f"s3://b/{name}", 1) for name in ("good", "broken", "lost")]
    answers = {"good": answer([1, 7, 1, 1]), "broken": Refused(error="truncated")}
    before = QuarantinedImage("alone", "s3://b/alone", "no image")
    findings = compare(SETTINGS, surveyed, answers, [before])
    assert [(found.id, found.verdict) for found in findings.bins] == [("good", "match")]
    assert {row.id: row.reason for row in findings.quarantine} == {
        "alone": "no image",
        "broken": "truncated",
        "lost": NO_ANSWER,
    }


def test_items_of_a_quantity_that_the_model_does_not_know_are_taken_from_the_record():
    surveyed = [SurveyedBin("a", "s3://b/a", 9), SurveyedBin("b", "s3://b/b", 2)]
    findings = compare(SETTINGS, surveyed, {"a": answer([1, 1, 1, 1]), "b": answer([1, 0, 0, 1])}, [])
    assert (findings.recorded, findings.estimated) == (11, 9 + 1.5)


def test_the_table_holds_every_bin_in_the_order_of_the_findings(tmp_path: Path):
    surveyed = [SurveyedBin(name, f"s3://b/{name}", 2) for name in "abc"]
    answers = {"a": answer([1, 1, 8, 1]), "b": answer([8, 1, 1, 1]), "c": answer([1, 1, 2, 1])}
    findings = compare(SETTINGS, surveyed, answers, [])
    findings.write(tmp_path / "audit.parquet")
    rows = pq.read_table(tmp_path / "audit.parquet").to_pylist()
    assert [row["id"] for row in rows] == ["b", "c", "a"] == [found.id for found in findings.bins]
    assert rows[0]["counted"] == 0

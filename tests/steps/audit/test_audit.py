"""The audit step on folders: the answers a transform job leaves, and the page."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steps.audit.answers import read_answers
from steps.audit.audit import audit
from steps.audit.settings import AuditSettings
from steps.contract import StepError
from steps.survey_files import SurveyedBin, SurveySummary, write_survey

GOOD = {"count": 1, "confidence": 0.9, "probabilities": {"0": 0.1, "1": 0.9}, "expected_value": 0.9}


@pytest.fixture
def answers(tmp_path: Path) -> Callable[..., Path]:
    """Write objects as a transform job does; answers their folder."""

    def write(**contents: Any) -> Path:
        folder = tmp_path / "answers"
        folder.mkdir(exist_ok=True)
        for name, content in contents.items():
            (folder / f"{name}.jpg.out").write_text(content if isinstance(content, str) else json.dumps(content))
        return folder

    return write


@pytest.fixture
def survey(tmp_path: Path, photo: Callable[..., bytes]) -> Path:
    """A survey of two bins, of which one has its photo still."""
    (tmp_path / "a.jpg").write_bytes(photo())
    rows = [SurveyedBin(name, (tmp_path / f"{name}.jpg").as_uri(), 0) for name in ("a", "<b>")]
    folder = tmp_path / "survey"
    write_survey(folder, rows, [], SurveySummary(source="s3://b/<bins>", package="arn:package/3", version=3))
    return folder


def test_answers_are_found_in_whatever_folders_the_job_put_them(tmp_path: Path):
    for name in ("a.jpg.out", "deep/bin-images/b.jpg.out", "bin-images/of/c.jpg.out"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(GOOD))
    assert {name for name, _ in read_answers(tmp_path)} == {"a", "b", "of/c"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"class": "dog", "confidence": 1.0, "probabilities": {"dog": 1.0}}, "the model names classes"),
        ("not JSON", r"x\.jpg\.out is no answer of the serving container: "),
        ({**GOOD, "confidence": 7}, r"x\.jpg\.out is no answer of the serving container: "),
    ],
)
def test_an_object_that_is_no_answer_is_named(answers: Callable[..., Path], content: Any, says: str):
    with pytest.raises(StepError, match=says):
        list(read_answers(answers(x=content)))


def test_the_page_escapes_names_and_says_which_photo_is_gone(
    answers: Callable[..., Path], survey: Path, tmp_path: Path
):
    folder = answers(**{"a": {**GOOD, "probabilities": {"0": 0.01, "1": 0.99}}, "<b>": GOOD})
    audit(AuditSettings(), survey, folder, tmp_path / "out")
    page = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    assert "1 bin of 2 likely does not hold what the records say" in page
    assert page.count("data:image/jpeg;base64,") == 1
    assert page.count("the photo is gone") == 1
    assert "s3://b/&lt;bins&gt;" in page
    assert "<b>" not in page.split("</style>")[1].replace('<b class="rank">', "")


def test_an_audit_in_which_nothing_was_answered_fails_with_the_first_reason(
    answers: Callable[..., Path], survey: Path, tmp_path: Path
):
    folder = answers(a={"error": "broken image"})
    with pytest.raises(StepError, match=r"not one bin could be compared; the first, a: broken image"):
        audit(AuditSettings(), survey, folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_survey_is_named(answers: Callable[..., Path], tmp_path: Path):
    with pytest.raises(StepError, match=r"was not written by survey"):
        audit(AuditSettings(), tmp_path, answers(a=GOOD), tmp_path / "out")


def test_limits_that_would_judge_a_bin_twice_are_refused():
    with pytest.raises(ValueError, match="both a match and a mismatch"):
        AuditSettings(mismatch_below=0.6)

"""The survey of a real bucket: what is audited, what is not, and the manifest of the transform job."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from steps.contract import StepError
from steps.registry import ApprovedPackage
from steps.survey.settings import SurveyArguments
from steps.survey.survey import survey
from steps.survey_files import MANIFEST, read_survey

PACKAGE = ApprovedPackage("arn:aws:sagemaker:eu-west-1:1:model-package/bins/3", 3, "s3://b/model.tar.gz")


@pytest.fixture
def source(tmp_path: Path, add_bin: Callable[..., None], upload: Callable[[Path, str], str]) -> str:
    """Two good bins, and others that each lack something."""
    folder = tmp_path / "source"
    for name, count in (("00001", 3), ("00002", 12)):
        add_bin(folder, name, count)
    add_bin(folder, "alone", None)
    add_bin(folder, "unseen", 2, image=None)
    add_bin(folder, "strange", "three")
    add_bin(folder, "large", 1, image=bytes(2**20 + 1))
    add_bin(folder, "empty", 1, image=b"")
    return upload(folder, "bins")


def test_bins_are_audited_that_have_a_photo_and_a_record_whatever_its_quantity(source: str, tmp_path: Path):
    arguments = SurveyArguments(source=f"{source}/", group="bins", largest_photo_mb=1)
    survey(arguments, PACKAGE, tmp_path / "out")
    bins, quarantine, summary = read_survey(tmp_path / "out")
    assert [(row.id, row.recorded) for row in bins] == [("00001", 3), ("00002", 12)]
    reasons = {row.id: row.reason for row in quarantine}
    assert reasons.pop("strange").startswith("metadata's EXPECTED_QUANTITY is 'three'")
    assert reasons == {
        "alone": "no metadata file",
        "unseen": "no image",
        "large": "the photo is larger than allowed: 1,048,577 bytes of at most 1,048,576",
        "empty": "the photo is empty",
    }
    assert (summary.source, summary.package, summary.version) == (source, PACKAGE.arn, 3)
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert manifest == [{"prefix": f"{source}/"}, "bin-images/00001.jpg", "bin-images/00002.jpg"]


def test_without_an_approved_model_there_is_no_audit(source: str, tmp_path: Path):
    with pytest.raises(StepError, match="no model of the group bins is approved: approve one with `make approve`"):
        survey(SurveyArguments(source=source, group="bins"), None, tmp_path / "out")


def test_a_source_whose_bins_all_lack_something_says_what_the_first_lacks(
    tmp_path: Path, add_bin: Callable[..., None], upload: Callable[[Path, str], str]
):
    add_bin(tmp_path / "source", "x", -1)
    source = upload(tmp_path / "source", "bad")
    with pytest.raises(StepError, match=r"no bin in .* can be audited; the first, x: metadata's EXPECTED_QUANTITY"):
        survey(SurveyArguments(source=source, group="bins"), PACKAGE, tmp_path / "out")

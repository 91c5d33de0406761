"""The latest approved model of a real registry, scored on the same images."""

import math
import re

import boto3
import pytest

from steps.decision import Decision
from steps.registry import ApprovedPackage, latest_approved

# (label, answer) of an image by who is right about it: the champion of these tests answers one more than this model.
BOTH, NEITHER, ONLY_THIS, ONLY_CHAMPION = (3, 3), (0, 2), (1, 1), (2, 1)


@pytest.fixture
def register(bucket):
    """Put a model folder's archive into S3 and a package of it into the registry; answers the package's ARN."""
    sagemaker = boto3.client("sagemaker")

    def put(group, model, status="Approved", gone=False):
        if not sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]:
            sagemaker.create_model_package_group(ModelPackageGroupName=group)
        key = f"{group}/{model.name}/model.tar.gz"
        if not gone:
            bucket.upload_file(str(model / "model.tar.gz"), key)
        specification = {
            "Containers": [{"Image": "serving", "ModelDataUrl": f"s3://{bucket.name}/{key}"}],
            "SupportedContentTypes": ["image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        }
        return sagemaker.create_model_package(
            ModelPackageGroupName=group, ModelApprovalStatus=status, InferenceSpecification=specification
        )["ModelPackageArn"]

    return put


@pytest.fixture
def champion(make_model):
    """A champion that answers one more than this model, lying in a folder; keywords make another model."""

    def make(**model):
        folder = make_model("champion", **({"offset": 40} | model))
        return ApprovedPackage("arn:aws:sagemaker:eu-west-1:1:model-package/g/3", 3, f"file://{folder}/model.tar.gz")

    return make


def test_the_champion_is_the_newest_approved_package_of_the_group(register, model):
    register("crowd", model)
    newest = register("crowd", model)
    register("crowd", model, "PendingManualApproval")
    register("crowd", model, "Rejected")
    register("others", model)
    found = latest_approved("crowd")
    assert (found.arn, found.version) == (newest, 2)
    assert found.artifact.endswith("/crowd/model/model.tar.gz")


def test_a_group_that_is_absent_or_has_nothing_approved_has_no_champion(register, model):
    register("waiting", model, "PendingManualApproval")
    assert latest_approved("waiting") is None
    assert latest_approved("absent") is None


def test_a_model_better_than_the_registered_champion_is_not_worse(
    register, make_model, model, write_split, score, read_report
):
    register("bins", make_model("old", offset=40))
    found = score(model, write_split([BOTH] * 10 + [ONLY_THIS] * 10), latest_approved("bins")).detail.champion
    assert (found.version, found.accuracy, found.not_worse) == (1, 0.5, 1)
    assert found.rmse == pytest.approx(math.sqrt(0.5))
    assert found.accuracy_difference.value == 0.5
    assert found.accuracy_difference.worse_share == 0
    assert found.rmse_difference.value == pytest.approx(-math.sqrt(0.5), abs=1e-6)
    words = read_report()[1].words
    assert "not worse than the latest approved model, version 1" in words
    assert "+50.0 points" in words
    assert "\u22120.707" in words


def test_without_a_champion_a_model_is_not_worse(score, model, split):
    found = score(model, split).detail.champion
    assert (found.package, found.version, found.accuracy, found.not_worse) == (None, None, None, 1)
    assert found.statement == "there is no approved model to compare it with yet"


def test_a_model_that_loses_is_worse_and_the_report_says_so(score, model, write_split, champion, read_report):
    found = score(model, write_split([BOTH] * 10 + [ONLY_CHAMPION] * 10), champion(), champion_required=True)
    assert found.detail.champion.not_worse == 0
    assert found.detail.champion.accuracy_difference.worse_share == pytest.approx(1, abs=0.01)
    assert found.detail.champion.statement.endswith(": worse")
    words = read_report()[1].words
    assert "Refused" in words
    assert "It is worse than the latest approved model, version 3" in words


def test_the_champion_itself_is_not_worse_than_itself(score, model, split, champion):
    found = score(model, split, champion(offset=0)).detail.champion
    for difference in (found.accuracy_difference, found.rmse_difference):
        assert (difference.value, difference.low, difference.high, difference.worse_share) == (0, 0, 0, 0)
    assert found.not_worse == 1


def test_the_interval_of_the_difference_is_that_of_paired_answers(score, model, write_split, champion):
    """McNemar: the variance of the difference is ((b + c) / N - d^2) / N; images on which both agree add nothing."""
    answers = [BOTH] * 200 + [NEITHER] * 120 + [ONLY_THIS] * 50 + [ONLY_CHAMPION] * 30
    found = score(model, write_split(answers), champion(), resamples=4000, batch_size=400)
    difference = found.detail.champion.accuracy_difference
    error = math.sqrt((80 / 400 - 0.05**2) / 400)
    assert difference.value == pytest.approx(0.05)
    assert (difference.low, difference.high) == pytest.approx((0.05 - 1.96 * error, 0.05 + 1.96 * error), abs=0.003)
    # P(z < -0.05 / error) = 0.0122
    assert difference.worse_share == pytest.approx(0.0122, abs=0.006)


def test_how_much_a_model_may_lose_and_how_surely_can_be_set(score, model, write_split, champion):
    split = write_split([BOTH] * 50 + [ONLY_THIS] * 10 + [ONLY_CHAMPION] * 12)
    by_default, even, tolerant, strict = (
        score(model, split, champion(), rmse_tolerance=1, **settings).detail.champion
        for settings in (
            {},
            {"maximum_worse_share": 0.5},
            {"accuracy_tolerance": 0.1, "maximum_worse_share": 0.5},
            {"accuracy_tolerance": 0.1, "maximum_worse_share": 0.01},
        )
    )
    assert 0.5 < by_default.accuracy_difference.worse_share < 0.95
    assert 0.01 < tolerant.accuracy_difference.worse_share < 0.5
    assert [each.not_worse for each in (by_default, even, tolerant, strict)] == [1, 0, 1, 0]


def test_the_champion_answers_by_its_own_rule(score, model, write_split, champion):
    """On a black image the champion's mean count is 0.51, which its rule rounds up; this model says 0."""
    own = champion(offset=0, decision=Decision(temperature=40, rule="expectation"))
    found = score(model, write_split([(0, 0)] * 4), own)
    assert (found.detail.accuracy.value, found.detail.champion.accuracy) == (1, 0)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"size": 8}, "trained for images of 8 px, .* but the test images have 16 px"),
        ({"classes": ("0", "1", "2")}, "trained for classes of 0, 1, 2, but the test images have 0, 1, 2, 3"),
    ],
    ids=["size", "classes"],
)
def test_a_champion_of_another_dataset_is_said_and_not_claimed_to_be_matched(
    score, model, split, champion, read_report, other, reason
):
    found = score(model, split, champion(**other)).detail.champion
    assert (found.version, found.accuracy, found.not_worse) == (3, None, 0)
    assert re.search(reason, found.statement)
    assert "It cannot be compared with the latest approved model, version 3: that was trained" in read_report()[1].words


def test_a_champion_whose_artifact_is_gone_is_said(register, score, model, split, make_model):
    register("forgotten", make_model("old"), gone=True)
    found = score(model, split, latest_approved("forgotten")).detail.champion
    assert found.not_worse == 0
    assert found.statement.endswith("old/model.tar.gz does not exist")

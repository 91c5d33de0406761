"""The evaluate step: a model whose answers are known is scored, and what was found is written."""

import json
import math

import numpy as np
import pytest

from steps.contract import StepError
from steps.decision import Decision
from steps.preprocessing import Preprocessing
from steps.shards import Dataset, write_dataset, write_shard


@pytest.fixture
def read_evaluation(tmp_path):
    return lambda: json.loads((tmp_path / "out" / "evaluation.json").read_text())


def test_evaluation_json_holds_the_figures_of_the_known_answers(score, model, split, pairs, counts, read_evaluation):
    score(model, split)
    written = read_evaluation()
    errors = [answer - label for label, answer in pairs]
    count = len(errors)
    accuracy = errors.count(0) / count
    squares = [error**2 for error in errors]
    mean_square = sum(squares) / count
    spread = math.sqrt(sum((square - mean_square) ** 2 for square in squares) / count)
    quality = written["multiclass_classification_metrics"]
    assert quality["accuracy"] == pytest.approx(
        {"value": accuracy, "standard_deviation": math.sqrt(accuracy * (1 - accuracy) / count)}
    )
    assert quality["confusion_matrix"] == {
        label: {answer: pairs.count((int(label), int(answer))) for answer in counts} for label in counts
    }
    rmse = math.sqrt(mean_square)
    assert written["regression_metrics"]["rmse"] == pytest.approx(
        {"value": rmse, "standard_deviation": spread / (2 * rmse * math.sqrt(count))}, abs=1e-6
    )
    assert written["regression_metrics"]["mae"]["value"] == pytest.approx(sum(map(abs, errors)) / count)
    assert written["detail"]["images"] == count
    counting = written["detail"]["counting"]
    assert counting["within_one"]["value"] == pytest.approx(sum(abs(error) <= 1 for error in errors) / count)
    assert counting["rmse"]["value"] == written["regression_metrics"]["rmse"]["value"]
    assert written["detail"]["naming"] is None


def test_evaluation_json_tells_the_scores_of_each_class(score, model, split, counts, read_evaluation):
    score(model, split)
    rows = read_evaluation()["detail"]["per_class"]
    assert [row["class"] for row in rows] == list(counts)
    accuracy = rows[1].pop("accuracy")
    assert rows[1] == pytest.approx(
        {"class": "1", "images": 4, "answers": 3, "precision": 2 / 3, "rmse": math.sqrt((1 + 4) / 4), "mae": 3 / 4}
    )
    assert accuracy["low"] <= accuracy["value"] == 0.5 <= accuracy["high"]


def test_evaluation_json_tells_which_model_was_scored_and_how_it_decides(score, make_model, split, read_evaluation):
    decision = Decision(temperature=2.5, mirrored=True, rule="median")
    score(make_model(decision=decision), split)
    assert read_evaluation()["detail"]["model"] == {
        "architecture": "brightness",
        "training_job": "train-7",
        "classes": ["0", "1", "2", "3"],
        "size": 16,
        "resize": "squash",
        "contrast": "none",
        "precision": "f32",
        "rule": "median",
        "temperature": 2.5,
        "mirrored": True,
    }


def test_every_interval_holds_its_figure(score, model, split):
    detail = score(model, split).detail
    estimates = [detail.accuracy, *(value for _, value in detail.counting)]
    assert all(found.low <= found.value <= found.high for found in estimates)
    assert detail.accuracy.low < detail.accuracy.high


def test_photos_of_one_group_make_intervals_wider(score, model, write_split):
    answers = [(1, 1), (1, 2)] * 40
    apart = score(model, write_split(answers)).detail
    pairs_of_four = [f"g{index % 2}-{index // 8}" for index in range(len(answers))]
    together = score(model, write_split(answers, groups=pairs_of_four)).detail
    assert (apart.groups, together.groups) == (80, 20)
    assert together.accuracy.high - together.accuracy.low > 1.5 * (apart.accuracy.high - apart.accuracy.low)


def test_an_image_that_the_catalog_does_not_know_is_named(score, model, split, write_split, catalog):
    known = (catalog / "catalog.parquet").read_bytes()
    write_split(ids=[*(f"bin-{index:03}" for index in range(8)), "other-1", "other-2"])
    (catalog / "catalog.parquet").write_bytes(known)
    with pytest.raises(StepError, match="does not know 2 of the 10 test images, other-1 the first"):
        score(model, split)


def test_a_missing_catalog_is_named(score, model, split, catalog):
    (catalog / "catalog.parquet").unlink()
    with pytest.raises(StepError, match=r"catalog\.parquet does not exist"):
        score(model, split)


def test_the_mean_count_has_an_rmse_of_its_own(score, make_model, write_split):
    """The model's logits -|brightness - 40 k| lie 40 apart: divided by 80, its probabilities can be written down."""
    split = write_split([(1, 1), (1, 1)])
    found = score(make_model(decision=Decision(temperature=80)), split).detail.counting
    weights = [math.exp(-0.5), 1, math.exp(-0.5), math.exp(-1)]
    mean = sum(index * weight for index, weight in enumerate(weights)) / sum(weights)
    assert found.expected_rmse.value == pytest.approx(mean - 1, abs=1e-5)
    assert found.rmse.value == 0


def test_a_mirrored_model_is_shown_both_views(score, make_model, write_split, tmp_path):
    """The model looks at the left half: dark on the left and bright on the right, the views disagree."""
    split = write_split([(0, 0), (2, 2)])
    images = np.load(split / "algo-1-00000" / "images.npy")
    images[:, :, 8:] = 80  # 0 on the left, 2 on the right
    np.save(split / "algo-1-00000" / "images.npy", images)
    one_view = score(make_model(decision=Decision(temperature=30)), split)
    both = score(make_model("both", decision=Decision(temperature=30, mirrored=True)), split)
    assert one_view.detail.calibration.bins[-1].confidence == pytest.approx(0.7, abs=0.1)
    assert min(found.confidence for found in both.detail.calibration.bins) < 0.5


def test_the_rule_of_the_signature_decides(score, make_model, write_split):
    """On a black image the probabilities are as 1 to 1/e, 1/e^2, 1/e^3: the median is 0, the mean 0.51."""
    split = write_split([(0, 0)] * 4)
    for rule, accuracy in (("median", 1), ("expectation", 0)):
        decision = Decision(temperature=40, rule=rule)
        assert score(make_model(rule, decision=decision), split).detail.accuracy.value == accuracy


def test_the_baseline_is_the_commonest_class_and_the_constant_of_least_rmse(score, model, write_split):
    baseline = score(model, write_split([(0, 0), (0, 0), (0, 0), (2, 0), (3, 0)])).detail.baseline
    assert (baseline.commonest, baseline.counting.best_constant) == ("0", "1")
    assert baseline.accuracy == pytest.approx(3 / 5)
    assert baseline.counting.rmse == pytest.approx(math.sqrt((4 + 9) / 5))
    assert baseline.counting.within_one == pytest.approx(3 / 5)
    assert baseline.counting.best_constant_rmse == pytest.approx(math.sqrt((1 + 1 + 1 + 1 + 4) / 5))


def test_a_class_without_test_images_has_null_scores(score, model, write_split, read_evaluation):
    score(model, write_split([(0, 0), (1, 1)]))
    assert read_evaluation()["detail"]["per_class"][3] == {
        "class": "3",
        "images": 0,
        "answers": 0,
        "accuracy": None,
        "precision": None,
        "rmse": None,
        "mae": None,
    }


def test_the_batch_size_changes_no_figure(score, model, split):
    results = [score(model, split, batch_size=size) for size in (1, 3, 64)]
    assert results[0] == results[1] == results[2]


def test_the_same_inputs_give_the_same_bytes(score, model, split, tmp_path):
    for name in ("first", "second"):
        score(model, split, output=name)
    for file in ("evaluation.json", "report.html"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"classes": ("0", "1", "2", "3", "4")}, r"classes of 0, 1, 2, 3, but the test images have 0, 1, 2, 3, 4"),
        ({"size": 8}, "images of 16 px, resize squash, contrast none, but the test images have 8 px, resize squash"),
    ],
    ids=["classes", "size"],
)
def test_a_model_of_another_dataset_is_refused(score, model, write_split, split, message):
    with pytest.raises(StepError, match=message):
        score(model, write_split(**split))


def test_an_empty_test_split_is_refused(score, model, counts, tmp_path):
    folder = tmp_path / "empty"
    write_dataset(folder, Dataset(classes=counts, preprocessing=Preprocessing(size=16)))
    with pytest.raises(StepError, match="holds no shard"):
        score(model, folder)
    nothing = np.zeros((0, 16, 16, 3), np.uint8)
    write_shard(folder, "algo-1-00000", nothing, np.zeros(0, np.int64), [])
    with pytest.raises(StepError, match="holds no image"):
        score(model, folder)

"""Classes that are no counts: no error in items, but the first five, F1 and the pairs that are confused."""

import json

import pytest
from sklearn.metrics import f1_score

from steps.contract import StepError
from steps.decision import Decision

ANIMALS = ("ant", "bee", "cat", "dog", "elk", "fox")
MANY = tuple(f"breed-{index:02}" for index in range(14))
# (label, answer): the model takes every bee for a cat
ANSWERS = [(0, 0), (0, 0), (1, 2), (1, 2), (2, 2), (3, 3), (3, 0), (5, 5)]


def test_figures_of_counts_are_left_out(score, make_model, write_split, tmp_path):
    score(make_model(classes=ANIMALS), write_split(ANSWERS, ANIMALS))
    written = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert "regression_metrics" not in written
    assert written["multiclass_classification_metrics"]["accuracy"]["value"] == 5 / 8
    detail = written["detail"]
    assert detail["counting"] is None
    assert detail["baseline"]["counting"] is None
    assert {(row["rmse"], row["mae"]) for row in detail["per_class"]} == {(None, None)}


def test_macro_f1_is_that_of_scikit_learn_and_lies_in_its_interval(score, make_model, write_split):
    naming = score(make_model(classes=ANIMALS), write_split(ANSWERS, ANIMALS)).detail.naming
    labels, predictions = zip(*ANSWERS, strict=True)
    assert naming.macro_f1.value == pytest.approx(f1_score(labels, predictions, average="macro"), abs=1e-6)
    assert naming.macro_f1.low < naming.macro_f1.value <= naming.macro_f1.high


def test_top_five_misses_only_what_is_held_least_likely_of_six(score, make_model, write_split):
    """Of six classes in order of brightness, the model holds the one furthest away least likely."""
    split = write_split([(5, 0), (4, 0), (0, 5), (0, 0)], ANIMALS)
    model = make_model(classes=ANIMALS, decision=Decision(temperature=100))
    assert score(model, split).detail.naming.top_5.value == 0.5


def test_a_class_given_no_chance_is_not_among_the_first_five(score, make_model, write_split):
    """Without a temperature all classes but the nearest get a probability of 0 in float32."""
    assert score(make_model(classes=ANIMALS), write_split([(3, 0), (0, 0)], ANIMALS)).detail.naming.top_5.value == 0.5


def test_the_report_speaks_of_classes_and_of_no_items(score, make_model, write_split, read_report):
    score(make_model(classes=ANIMALS), write_split(ANSWERS, ANIMALS), minimum_accuracy=0.5)
    words = read_report()[1].words
    assert "the model named 5 right" in words
    assert "By class, hardest first" in words
    assert "RMSE" not in words
    assert "items" not in words
    assert "At most one off" not in words


def test_many_classes_are_listed_hardest_first_with_the_pairs_most_confused(
    score, make_model, write_split, read_report
):
    score(make_model(classes=MANY), write_split([(1, 2), (1, 2), (2, 2), (3, 4), (3, 3), (4, 4)], MANY))
    text, page = read_report()
    assert 'class="matrix"' not in text
    table = page.words[page.words.index("By class, hardest first") :]
    assert table.index("breed-01") < table.index("breed-03") < table.index("breed-02") < table.index("breed-00")
    assert "breed-01 breed-02 2 100.0 % breed-03 breed-04 1 50.0 %" in page.words


def test_a_limit_on_the_error_of_named_classes_is_refused(score, make_model, write_split):
    with pytest.raises(StepError, match=r"ant, bee, cat, \.\.\. are no counts: leave maximum_rmse out of \[gate\]"):
        score(make_model(classes=ANIMALS), write_split(ANSWERS, ANIMALS), maximum_rmse=1.0)

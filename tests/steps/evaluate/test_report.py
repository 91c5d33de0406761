"""report.html: one file that says what the figures mean."""

import re

import pytest

from steps.evaluate.settings import EvaluateSettings

ZERO_TO_FIVE = ("0", "1", "2", "3", "4", "5")
ONE_TO_FIVE = ("1", "2", "3", "4", "5")


def test_the_report_is_one_well_formed_file_that_loads_nothing_and_runs_nothing(score, model, split, read_report):
    score(model, split)
    text, page = read_report()
    assert page.open == []
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert page.loaded
    assert all(address.startswith("data:image/") for address in page.loaded)
    assert not re.search(r"https?://|url\(|@import", text)


def test_the_report_shows_the_key_figures_with_their_intervals(score, model, split, pairs, read_report):
    detail = score(model, split).detail
    _, page = read_report()
    right = sum(label == answer for label, answer in pairs)
    assert f"counted {right} exactly right" in page.words
    assert f"{100 * right / len(pairs):.1f} %" in page.words
    assert f"{100 * detail.accuracy.low:.1f}\u2013{100 * detail.accuracy.high:.1f} %" in page.words
    assert f"{detail.counting.rmse.low:.2f}\u2013{detail.counting.rmse.high:.2f}" in page.words
    assert f"{detail.counting.expected_rmse.value:.2f} if answers may be fractions" in page.words
    assert "train-7" in page.words


def test_the_verdict_comes_first_and_tells_each_requirement_of_the_gate(score, model, split, read_report):
    score(model, split, minimum_accuracy=0.55, maximum_rmse=0.5)
    words = read_report()[1].words
    assert words.index("Refused The model misses 1 of 2 requirements") < words.index("Exactly right")
    assert "✓ 60.00 % right, at least 55.00 % asked for" in words
    assert "✗ RMSE 1.000 items, at most 0.500 allowed" in words
    score(model, split, minimum_accuracy=0.6, maximum_rmse=2, champion_required=True)
    words = read_report()[1].words
    assert "Passed The model is good enough for the registry" in words
    assert "there is no approved model to compare it with yet" in words.lower()


def test_without_a_gate_there_is_no_verdict(score, model, split, read_report):
    score(model, split)
    words = read_report()[1].words
    assert "How well the model counts" in words
    assert "Passed" not in words
    assert "Refused" not in words


def test_the_worst_misses_are_the_furthest_and_no_right_answer(score, model, split, pairs, read_report):
    score(model, split)
    misses, _ = read_report()[1].galleries
    shown = [re.search(r"record (\d), answered (\d)\s+\d+\s% sure, .* · (\S+)", text).groups() for text in misses]
    wrong = [(index, *pair) for index, pair in enumerate(pairs) if pair[0] != pair[1]]
    assert {(int(label), int(answer), name) for label, answer, name in shown} == {
        (label, answer, f"bin-{index:03}") for index, label, answer in wrong
    }
    distances = [abs(int(label) - int(answer)) for label, answer, _ in shown]
    assert distances == sorted(distances, reverse=True)


def test_the_least_sure_answers_are_shown_with_the_runner_up(score, make_model, write_split, read_report):
    """Photos 19 brighter than the classes, which lie 40 apart: almost halfway to the next class."""
    split = write_split([(0, 0), (1, 1), (2, 2), (3, 3)])
    score(make_model(offset=19), split, gallery=1)
    (caption,) = read_report()[1].galleries[-1]
    assert "right" in caption
    sure, other, name = re.search(r"(\d+)\s% sure, (\d+)\s% for (\d)", caption).groups()
    assert int(sure) >= int(other)
    assert name == "1"


def test_galleries_are_no_longer_than_asked(score, model, split, read_report):
    score(model, split, gallery=2)
    assert [len(gallery) for gallery in read_report()[1].galleries] == [2, 2]
    assert EvaluateSettings().gallery % 5 == 0, "rows of five are full"


def test_a_model_without_misses_gets_a_report_that_says_so(score, model, write_split, read_report):
    score(model, write_split([(0, 0), (1, 1), (2, 2)]))
    assert "every answer was right" in read_report()[0]


def test_a_class_without_test_images_has_a_row(score, model, write_split, read_report):
    score(model, write_split([(0, 0), (1, 1)]))
    assert "no such photo in this set" in read_report()[0]


def test_markup_in_an_image_id_is_shown_as_text(score, model, write_split, read_report):
    score(model, write_split([(0, 2), (1, 1)], ids=["<script>alert(1)</script>", "b"]))
    text, page = read_report()
    assert "script" not in page.tags
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


@pytest.mark.parametrize(
    ("classes", "shown", "hidden"),
    [
        (("0", "1", "2", "3"), (), ("Published", "ABID challenge", "Capstone")),
        (
            ZERO_TO_FIVE,
            ("ABID challenge", "55.7 %", "0.93", "56.7 %", "0.90", "0.85", "on other photos"),
            ("Capstone",),
        ),
        (ONE_TO_FIVE, ("Capstone reports", "31\u201336 %", "39.5 %", "on other photos"), ("ABID challenge",)),
    ],
    ids=["0 to 3", "0 to 5", "1 to 5"],
)
def test_published_figures_are_shown_for_the_same_classes_only(
    score, make_model, write_split, read_report, classes, shown, hidden
):
    score(make_model(classes=classes), write_split(classes=classes))
    text, page = read_report()
    assert all(words in page.words for words in shown)
    assert not any(words in page.words for words in hidden)
    assert ("left:97.7%" in text) == (classes == ZERO_TO_FIVE)

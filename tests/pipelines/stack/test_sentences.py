"""What the asking function says, in four languages."""

from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stack.functions.languages import ENGLISH, FRENCH, GERMAN, LANGUAGES, SPANISH, Language, choose_language
from pipelines.stack.functions.sentence import compose


def counted(count: int, confidence: float = 0.9, **more: Any) -> dict[str, Any]:
    return {"count": count, "confidence": confidence, **more}


@pytest.mark.parametrize(
    ("answer", "language", "sentence"),
    [
        (counted(3), ENGLISH, "Three items, quite sure."),
        (counted(1, 0.6), ENGLISH, "One item, fairly sure."),
        (counted(0, 0.3), ENGLISH, "The bin is empty, but that is a guess."),
        (counted(17), ENGLISH, "17 items, quite sure."),
        (counted(3), GERMAN, "Drei Gegenstände, ziemlich sicher."),
        (counted(1), GERMAN, "Ein Gegenstand, ziemlich sicher."),
        (counted(0), FRENCH, "Le casier est vide, presque certain."),
        (counted(2, 0.5), SPANISH, "Dos artículos, probablemente."),
        (
            counted(3, verdict="match", expected_quantity=3),
            ENGLISH,
            "Three items, quite sure. The records say so too.",
        ),
        (
            counted(3, verdict="mismatch", expected_quantity=5),
            ENGLISH,
            "Three items, quite sure. The records say five, which does not match.",
        ),
        (
            counted(3, verdict="unsure", expected_quantity=5000),
            GERMAN,
            "Drei Gegenstände, ziemlich sicher. Die Bestandsdaten sagen 5000, das ist ungewiss.",
        ),
        ({"class": "n02099601-golden_retriever", "confidence": 0.9}, ENGLISH, "Golden retriever, quite sure."),
        ({"class": "001.Affenpinscher", "confidence": 0.9}, FRENCH, "Affenpinscher, presque certain."),
        ({"class": "42", "confidence": 0.9}, ENGLISH, "42, quite sure."),
    ],
)
def test_an_answer_becomes_a_sentence(answer: dict[str, Any], language: Language, sentence: str) -> None:
    assert compose(answer, language) == sentence


@given(
    st.integers(0, 10**6),
    st.floats(0, 1),
    st.none() | st.tuples(st.sampled_from(["match", "mismatch", "unsure"]), st.integers(0, 10**6)),
    st.sampled_from(list(LANGUAGES.values())),
)
def test_every_answer_has_a_short_sentence_in_every_language(
    count: int, confidence: float, told: tuple[str, int] | None, language: Language
) -> None:
    more = {} if told is None else {"verdict": told[0], "expected_quantity": told[1]}
    sentence = compose(counted(count, confidence, **more), language)
    assert sentence[0].isupper() or sentence[0].isdigit()
    assert sentence.endswith(".")
    assert not {"{", "}"} & set(sentence)
    assert len(sentence) < 200


def test_every_language_fills_in_the_same_things() -> None:
    def gaps(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    for language in LANGUAGES.values():
        assert gaps(language.several) == {"count"}
        assert gaps(language.mismatch) == gaps(language.unsure) == {"expected"}
        assert not gaps(language.empty + language.one + language.match)
        assert len(language.numbers) == len(ENGLISH.numbers) == len(set(language.numbers))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ENGLISH),
        ("*", ENGLISH),
        ("de", GERMAN),
        ("de-CH, en;q=0.8", GERMAN),
        ("it, fr;q=0.5, es;q=0.9", SPANISH),
        ("en;q=0.1,fr ; q=0.2", FRENCH),
        ("es, fr", SPANISH),
        ("de;q=0", ENGLISH),
        ("de;q=nan, fr;q=0.001", FRENCH),
    ],
)
def test_the_language_that_is_liked_best_is_spoken(header: str, expected: Language) -> None:
    assert choose_language(header) == expected


@given(st.text(max_size=60) | st.text("defrens;q=01.,- ", max_size=60))
def test_any_accept_language_chooses_a_language(header: str) -> None:
    assert choose_language(header) in LANGUAGES.values()

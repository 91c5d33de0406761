"""Puts the endpoint's answer into a sentence that can be read aloud: "Three items, quite sure."."""

import re
from collections.abc import Mapping
from typing import Any

from pipelines.stack.functions.languages import Language

QUITE_SURE, FAIRLY_SURE = 0.8, 0.5  # confidences from which on these words are used
LONGEST_CLASS = 80  # characters of a class's name that are read aloud


def compose(answer: Mapping[str, Any], language: Language) -> str:
    """The sentence, and a second one where a quantity was expected.

    Args:
        answer: the endpoint's, which holds a count or a class, its confidence, and perhaps a verdict.
        language: whose words to take.
    """
    what = _class(str(answer["class"])) if "class" in answer else _items(int(answer["count"]), language)
    sure, fairly, hardly = language.sure
    confidence = float(answer["confidence"])
    how = sure if confidence >= QUITE_SURE else fairly if confidence >= FAIRLY_SURE else hardly
    sentence = f"{what[:1].upper()}{what[1:]}, {how}."
    if "verdict" not in answer:
        return sentence
    told = {"match": language.match, "mismatch": language.mismatch}.get(answer["verdict"], language.unsure)
    return f"{sentence} {told.format(expected=_number(int(answer['expected_quantity']), language))}"


def _items(count: int, language: Language) -> str:
    if count == 0:
        return language.empty
    return language.one if count == 1 else language.several.format(count=_number(count, language))


def _number(count: int, language: Language) -> str:
    return language.numbers[count] if count < len(language.numbers) else str(count)


def _class(name: str) -> str:
    """A class's name without the number before it and the signs between its words, as folders of datasets have them."""
    spoken = re.sub(r"[\W_]+", " ", re.sub(r"^n?\d+\W", "", name)).strip()
    return (spoken or name)[:LONGEST_CLASS]

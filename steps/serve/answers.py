"""What is answered: the count or class, how sure that is, and whether it is what the records say."""

import json
from http import HTTPStatus
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steps.counting import are_counts
from steps.decision import expected_values
from steps.serve.questions import JSON_TYPE, LINES_TYPE, Question, RefusedError
from steps.serve.settings import ServeSettings
from steps.signature import Signature
from steps.verdict import judge

CSV_TYPE = "text/csv"
GIVEN = (JSON_TYPE, LINES_TYPE, CSV_TYPE)

Answer = dict[str, Any]


def make_answer(
    question: Question, probabilities: NDArray[np.float32], signature: Signature, settings: ServeSettings
) -> Answer:
    """The answer to one question, from the model's `probabilities` float32 [classes].

    Raises:
        RefusedError: a quantity is expected of a model whose classes are names.
    """
    index = int(signature.decide(probabilities[None])[0])
    counts = are_counts(signature.classes)
    answer: Answer = {"count": int(signature.classes[index])} if counts else {"class": signature.classes[index]}
    answer["confidence"] = float(probabilities[index])
    answer["probabilities"] = dict(zip(signature.classes, map(float, probabilities), strict=True))
    if counts:
        answer["expected_value"] = float(expected_values(probabilities[None])[0]) + int(signature.classes[0])
    if question.expected is not None:
        if not counts:
            raise RefusedError(
                HTTPStatus.BAD_REQUEST, "expected_quantity is given, but this model's classes are names, no counts."
            )
        answer |= _verdict(question.expected, answer["probabilities"], settings)
    return answer


def _verdict(expected: int, probabilities: dict[str, float], settings: ServeSettings) -> Answer:
    """Match, mismatch or unsure; a quantity that the model has no class for has no probability, and is unsure."""
    probability = probabilities.get(str(expected))
    verdict = judge(probability, settings.mismatch_below, settings.match_from)
    return {"expected_quantity": expected, "verdict": verdict, "probability_of_match": probability}


def choose_type(accept: str, several: bool) -> str:
    """The type to answer in: the first of the Accept header that is given here.

    Args:
        accept: the header; empty or a wildcard for JSON, or JSON lines where there are several answers.
        several: whether the request was of JSON lines.

    Raises:
        RefusedError: none of them is (406).
    """
    usual = LINES_TYPE if several else JSON_TYPE
    for item in accept.lower().split(","):
        kind = item.split(";")[0].strip()
        if kind in ("", "*/*", "application/*"):
            return usual
        if kind == JSON_TYPE and several:
            continue  # several answers are no one JSON text
        if kind in GIVEN:
            return kind
    if several and JSON_TYPE in accept.lower():
        return usual
    raise RefusedError(
        HTTPStatus.NOT_ACCEPTABLE, f"Answers are given as {', '.join(GIVEN)}, none of which Accept names."
    )


def write_answers(answers: list[Answer], kind: str) -> bytes:
    """The body of a response of the type `kind`."""
    if kind == CSV_TYPE:
        return "".join(_row(answer) for answer in answers).encode()
    return b"".join(json.dumps(answer).encode() + (b"\n" if kind == LINES_TYPE else b"") for answer in answers)


def _row(answer: Answer) -> str:
    """Count or class, confidence, the probability of each class, then verdict and probability of match if asked for."""
    if "error" in answer:
        return "error," + json.dumps(answer["error"]) + "\n"
    head = answer["count"] if "count" in answer else json.dumps(answer["class"])
    cells = [head, answer["confidence"], *answer["probabilities"].values()]
    if "verdict" in answer:
        match = answer["probability_of_match"]
        cells += [answer["verdict"], "" if match is None else match]
    return ",".join(map(str, cells)) + "\n"

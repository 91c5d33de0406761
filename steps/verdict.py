"""Whether a photo shows what the records say: the endpoint and the audit judge alike."""

from typing import Literal

Verdict = Literal["match", "mismatch", "unsure"]

MISMATCH_BELOW = 0.05
"""A probability of the recorded quantity below this is a mismatch, unless settings say otherwise."""

MATCH_FROM = 0.5
"""One of at least this is a match: more likely than all other quantities together."""


def judge(probability: float | None, mismatch_below: float, match_from: float) -> Verdict:
    """Judge by the probability, 0 to 1, of the recorded quantity; one that the model does not know is unsure."""
    if probability is None:
        return "unsure"
    if probability >= match_from:
        return "match"
    return "mismatch" if probability < mismatch_below else "unsure"

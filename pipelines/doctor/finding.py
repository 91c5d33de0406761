"""What a check found."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How something stands; the value is what the line of a finding begins with."""

    OK = "ok"
    TO_DO = "to do"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        about: what was looked at, such as `bucket`.
        state: how it stands.
        text: what is there; what to do; or why it was not looked at.
    """

    about: str
    state: State
    text: str


def ok(about: str, text: str) -> Finding:
    """Nothing need be done."""
    return Finding(about, State.OK, text)


def to_do(about: str, text: str) -> Finding:
    """Something must be done before the pipeline can run."""
    return Finding(about, State.TO_DO, text)


def skipped(about: str, text: str) -> Finding:
    """It was not looked at."""
    return Finding(about, State.SKIPPED, text)

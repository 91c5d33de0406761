"""What a rule is: a name, the reason it exists, and a function that finds what breaks it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipelines.checks.subject import Subject

Faults = Iterator[tuple[str, str]]
"""What breaks a rule: the step's name, empty where it is the pipeline as a whole, and a sentence."""


@dataclass(frozen=True)
class Finding:
    """A rule that is broken.

    Attributes:
        rule: the rule's name.
        step: the step's name; empty where it is the pipeline as a whole.
        sentence: what is wrong, and what would be right.
    """

    rule: str
    step: str
    sentence: str


@dataclass(frozen=True)
class Rule:
    """A rule that definitions keep.

    Attributes:
        name: what it goes by in presets.
        reason: why it exists, with its source where it is a limit of AWS's.
        find: yields what breaks it.
    """

    name: str
    reason: str
    find: Callable[[Subject], Faults]

    def findings(self, subject: Subject) -> list[Finding]:
        """What breaks this rule in a definition."""
        return [Finding(self.name, step, sentence) for step, sentence in self.find(subject)]


def rule(name: str, reason: str) -> Callable[[Callable[[Subject], Faults]], Rule]:
    """Make a rule of a function that yields faults."""
    return lambda find: Rule(name, reason, find)

"""What a rule says when it finds something wrong, and how a rule looks."""

from typing import Literal, Protocol

from pydantic import Field

from steps.figures import Part
from steps.train.diagnostics.history import History
from steps.train.diagnostics.names import RuleName

Severity = Literal["critical", "warning", "advice"]


class Finding(Part):
    """Something that is wrong with a training run."""

    rule: RuleName
    severity: Severity = Field(
        description="critical: it learns nothing; warning: it learns badly; advice: it costs time"
    )
    epoch: int = Field(description="epoch in which it was first seen, from 1")
    step: int = Field(description="optimiser steps done when it was first seen")
    layers: tuple[str, ...] = Field((), description="layers it was seen in, where it has a place")
    seen: str = Field(description="what was seen last, with its figures")
    advice: str = Field(description="what to try")
    lasts: bool = Field(True, description="whether the rule still says so at the end of the run")

    def sentence(self) -> str:
        """All of it in one line."""
        return f"{self.rule} (epoch {self.epoch}, step {self.step}): {self.seen}; {self.advice}"


class Rule(Protocol):
    """Judges the facts of a run; it changes nothing and remembers nothing."""

    @property
    def name(self) -> RuleName:
        """What the rule is called in settings and reports."""

    def judge(self, history: History) -> Finding | None:
        """Say what is wrong at the end of `history`, or None."""

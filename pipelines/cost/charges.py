"""What an execution was billed, in US dollars, beside what it was expected to be."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.cost.billed import Billed
from pipelines.cost.estimate import Estimate, Line
from pipelines.cost.quotes import Quotes


@dataclass(frozen=True)
class Charge:
    """A step of the bill.

    Attributes:
        billed: its jobs and their seconds.
        expected_seconds: of all its jobs together; None where nobody has said.
        expected_usd: what was expected; None where a price or the minutes are missing.
        billed_usd: what the billed seconds cost at the table's prices; None where a price is missing.
    """

    billed: Billed
    expected_seconds: float | None
    expected_usd: float | None
    billed_usd: float | None


def charges(billed: Sequence[Billed], expected: Estimate, quotes: Quotes) -> list[Charge]:
    """The bill of an execution, step by step; `quotes` notes what it rests on, and what it leaves out.

    Args:
        billed: the jobs of the execution.
        expected: the estimate for it.
        quotes: what things cost where it ran.
    """
    lines = {line.job.step: line for line in expected.lines}
    return [_charge(job, lines.get(job.step), quotes) for job in billed]


def _charge(billed: Billed, line: Line | None, quotes: Quotes) -> Charge:
    if billed.note:
        quotes.notes.assume(f"{billed.step}: {billed.note}")
    hourly = quotes.job_hour(billed.as_job())
    minutes, amount = (line.minutes, line.amount) if line else (None, None)
    return Charge(
        billed=billed,
        expected_seconds=None if minutes is None or line is None else minutes * 60 * line.job.trials,
        expected_usd=None if amount is None else amount.expected,
        billed_usd=None if hourly is None else sum(hourly) * billed.seconds / 3600,
    )

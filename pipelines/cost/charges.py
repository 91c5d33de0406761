"""What an execution was billed, in US dollars, beside what it was expected to be."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.cost.billed import Billed
from pipelines.cost.estimate import Estimate, Notes, hourly_usd
from pipelines.cost.prices import PriceTable


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


def charges(
    billed: Sequence[Billed], expected: Estimate, prices: PriceTable, region: str, notes: Notes
) -> list[Charge]:
    """The bill of an execution, step by step.

    Args:
        billed: the jobs of the execution.
        expected: the estimate for it.
        prices: what AWS asks.
        region: where it ran.
        notes: takes what the figures rest on, and what they leave out.
    """
    lines = {line.job.step: line for line in expected.lines}
    found = []
    for job in billed:
        if job.note:
            notes.assume(f"{job.step}: {job.note}")
        line = lines.get(job.step)
        hourly = hourly_usd(job.as_job(), prices, region, notes)
        minutes = line.minutes if line else None
        found.append(
            Charge(
                billed=job,
                expected_seconds=None if minutes is None or line is None else minutes * 60 * line.job.trials,
                expected_usd=line.amount.expected if line and line.amount else None,
                billed_usd=None if hourly is None else sum(hourly) * job.seconds / 3600,
            )
        )
    return found

"""Reckon what an execution costs before it runs: jobs times their expected minutes times the prices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.cost.jobs import Job
from pipelines.cost.quotes import Quotes


@dataclass(frozen=True)
class Amount:
    """US dollars.

    Attributes:
        least: when everything goes well, and searches stop early whatever can be.
        expected: when jobs take the minutes that are assumed, on demand.
        spot: the same, when what trains takes instances that AWS may want back.
        most: when every job is billed for as long as its limits allow; None where nothing limits it.
    """

    least: float = 0.0
    expected: float = 0.0
    spot: float = 0.0
    most: float | None = 0.0

    def __add__(self, other: "Amount") -> "Amount":
        most = None if self.most is None or other.most is None else self.most + other.most
        return Amount(self.least + other.least, self.expected + other.expected, self.spot + other.spot, most)

    def times(self, factor: float) -> "Amount":
        """So many times this."""
        most = None if self.most is None else self.most * factor
        return Amount(self.least * factor, self.expected * factor, self.spot * factor, most)


@dataclass(frozen=True)
class Line:
    """A step of the estimate.

    Attributes:
        job: what the step starts.
        minutes: that one job, of a search one trial, is assumed to run; None where nobody has said.
        amount: what it costs; None where a price, or the minutes, are missing.
    """

    job: Job
    minutes: float | None
    amount: Amount | None


@dataclass(frozen=True)
class Estimate:
    """What an execution costs, step by step."""

    lines: tuple[Line, ...]

    @property
    def total(self) -> Amount:
        """All lines together that have an amount."""
        return sum((line.amount for line in self.lines if line.amount is not None), Amount())


def estimate(jobs: Sequence[Job], minutes: Mapping[str, float], quotes: Quotes, spot_saving: float) -> Estimate:
    """Reckon what an execution costs; `quotes` notes what that rests on, and what it leaves out.

    Args:
        jobs: what the execution starts.
        minutes: expected minutes of one job of each step, of a search of one trial.
        quotes: what things cost where it runs.
        spot_saving: share of the price that spot instances save, 0 to 1.
    """
    return Estimate(tuple(_line(job, minutes.get(job.step), quotes, spot_saving) for job in jobs))


def _line(job: Job, minutes: float | None, quotes: Quotes, spot_saving: float) -> Line:
    hourly = quotes.job_hour(job)
    if minutes is None:
        quotes.notes.miss(f"{job.step}: nobody has said how long it takes; say it in the preset's [cost.minutes]")
    if job.longest_seconds is None:
        quotes.notes.assume(f"{job.step} has no time limit: there is no most that it can cost")
    if hourly is None or minutes is None:
        return Line(job, minutes, None)
    instance, disk = hourly
    hours, both = minutes / 60, instance + disk
    reduced = both - instance * (spot_saving if job.meter == "Training" else 0)
    amount = Amount(
        least=0.0 if job.branch != "always" else both * hours * job.whole_trials,
        expected=0.0 if job.branch == "else" else both * hours * job.trials,
        spot=0.0 if job.branch == "else" else reduced * hours * job.trials,
        most=None if job.longest_seconds is None else both * max(job.longest_seconds / 3600, hours) * job.trials,
    )
    return Line(job, minutes, amount)

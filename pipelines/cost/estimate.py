"""Reckon what an execution costs before it runs: jobs times their expected minutes times the prices."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.cost.jobs import Job
from pipelines.cost.prices import PriceTable

HOURS_PER_MONTH = 730
"""As the AWS Pricing Calculator has it: 8,760 hours a year, in twelfths."""


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


@dataclass
class Notes:
    """What a reader must know of the figures.

    Attributes:
        assumed: on what they rest.
        missing: what is left out of them; they are complete when there is nothing.
    """

    assumed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def assume(self, sentence: str) -> None:
        """Note on what a figure rests, once."""
        if sentence not in self.assumed:
            self.assumed.append(sentence)

    def miss(self, sentence: str) -> None:
        """Note what is left out, once."""
        if sentence not in self.missing:
            self.missing.append(sentence)


@dataclass(frozen=True)
class Estimate:
    """What an execution costs, step by step."""

    lines: tuple[Line, ...]

    @property
    def total(self) -> Amount:
        """All lines together that have an amount."""
        return sum((line.amount for line in self.lines if line.amount is not None), Amount())

    @property
    def chosen_usd(self) -> float:
        """What is expected when each job takes the instances, on demand or spot, that its step asks for."""
        priced = [(line.job.spot, line.amount) for line in self.lines if line.amount is not None]
        return sum(amount.spot if spot else amount.expected for spot, amount in priced)


def estimate(
    jobs: list[Job],
    minutes: Mapping[str, float],
    prices: PriceTable,
    region: str,
    spot_saving: float,
    notes: Notes,
) -> Estimate:
    """Reckon what an execution costs.

    Args:
        jobs: what the execution starts.
        minutes: expected minutes of one job of each step, of a search of one trial.
        prices: what AWS asks.
        region: where it runs.
        spot_saving: share of the price that spot instances save, 0 to 1.
        notes: takes what the figures rest on, and what they leave out.
    """
    return Estimate(tuple(_line(job, minutes.get(job.step), prices, region, spot_saving, notes) for job in jobs))


def _line(job: Job, minutes: float | None, prices: PriceTable, region: str, spot_saving: float, notes: Notes) -> Line:
    hourly = hourly_usd(job, prices, region, notes)
    if minutes is None:
        notes.miss(f"{job.step}: nobody has said how long it takes; name its minutes in the preset's [cost.minutes]")
    if hourly is None or minutes is None:
        return Line(job, minutes, None)
    instance, volume = hourly
    hours = minutes / 60
    both = instance + volume
    reduced = both - instance * (spot_saving if job.meter == "Training" else 0)
    most = None if job.longest_seconds is None else both * max(job.longest_seconds / 3600, hours) * job.trials
    if most is None:
        notes.assume(f"{job.step} has no time limit: there is no most that it can cost")
    amount = Amount(
        least=0.0 if job.branch != "always" else both * hours * job.whole_trials,
        expected=0.0 if job.branch == "else" else both * hours * job.trials,
        spot=0.0 if job.branch == "else" else reduced * hours * job.trials,
        most=most,
    )
    return Line(job, minutes, amount)


def hourly_usd(job: Job, prices: PriceTable, region: str, notes: Notes) -> tuple[float, float] | None:
    """What an hour of a job's instances costs, and of their disks; None where a price is missing, which is noted."""
    if job.instance_type is None or job.instance_count is None:
        notes.miss(f"{job.step}: only an execution knows which instances it takes")
        return None
    instance = prices.instance(region, job.meter, job.instance_type)
    if instance is None:
        notes.miss(f"{job.step}: no price for {job.instance_type} in {region}")
        return None
    if instance.meter != job.meter:
        notes.assume(f"{job.instance_type} is taken to cost the same for {job.meter} as for {instance.meter}")
    return instance.usd * job.instance_count, _disk_usd(job, prices, region, notes) * job.instance_count


def _disk_usd(job: Job, prices: PriceTable, region: str, notes: Notes) -> float:
    """What an hour of an instance's disk costs; 0 where it has none of its own, or no price, which is noted."""
    if not job.volume_gb:
        return 0.0
    volume = prices.volume(region, job.meter)
    if volume is None:
        notes.miss(f"no price for the disks of instances in {region}")
        return 0.0
    if not volume.meter.startswith(job.meter):
        notes.assume(f"disks are taken to cost the same for {job.meter} as for {volume.meter.removesuffix(' volume')}")
    return volume.usd * job.volume_gb / HOURS_PER_MONTH

"""What things cost in one region, and what whoever reckons with that must tell."""

from pipelines.cost.jobs import Job
from pipelines.cost.prices import VOLUMES, InstanceMeter, Meter, PriceTable

HOURS_PER_MONTH = 730
"""As the AWS Pricing Calculator has it: 8,760 hours a year, in twelfths."""


class Notes:
    """What a reader must know of figures.

    Attributes:
        assumed: on what they rest.
        missing: what is left out of them; they are complete when there is nothing.
    """

    def __init__(self) -> None:
        self.assumed: list[str] = []
        self.missing: list[str] = []

    def assume(self, sentence: str) -> None:
        """Note on what a figure rests, once."""
        if sentence not in self.assumed:
            self.assumed.append(sentence)

    def miss(self, sentence: str) -> None:
        """Note what is left out, once."""
        if sentence not in self.missing:
            self.missing.append(sentence)


class Quotes:
    """Prices of a region, in US dollars.

    Args:
        table: what AWS asks.
        region: where it is asked.

    Attributes:
        notes: takes what is missing, and where a price of another use is taken; also for whoever reckons on.
    """

    def __init__(self, table: PriceTable, region: str) -> None:
        self.region = region
        self.notes = Notes()
        self._table = table
        if region not in table.regions():
            self.notes.miss(f"no prices for {region}: `make prices REGION={region}` reads them from AWS")

    def job_hour(self, job: Job) -> tuple[float, float] | None:
        """An hour of all instances of a job, and of their disks; None where the instances have no price."""
        if job.instance_type is None or job.instance_count is None:
            self.notes.miss(f"{job.step}: only an execution knows which instances it takes")
            return None
        instance = self.instance_hour(job.step, job.meter, job.instance_type)
        if instance is None:
            return None
        return instance * job.instance_count, self._disk_hour(job.meter, job.volume_gb) * job.instance_count

    def instance_hour(self, what: str, meter: InstanceMeter, instance_type: str) -> float | None:
        """An hour of an instance; None where it has no price.

        Args:
            what: what the instance is for, to say so when it has no price.
            meter: by which it is billed.
            instance_type: such as ml.m5.xlarge.
        """
        price = self._table.instance(self.region, meter, instance_type)
        if price is None:
            self.notes.miss(f"{what}: no price for {instance_type} in {self.region}")
            return None
        if price.meter != meter:
            self.notes.assume(f"{instance_type} is taken to cost the same for {meter} as for {price.meter}")
        return price.usd

    def unit(self, what: str, meter: Meter, item: str) -> float | None:
        """What one unit of something else costs; None where it has no price."""
        price = self._table.find(self.region, meter, item)
        if price is None:
            self.notes.miss(f"no price for {what} in {self.region}")
            return None
        return price.usd

    def dates(self) -> str:
        """When AWS asked these prices, such as `2026-06-12 to 2026-09-16`; empty where there is none."""
        dates = sorted(price.date.isoformat() for price in self._table if price.region == self.region)
        return " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else ""

    def _disk_hour(self, meter: InstanceMeter, volume_gb: float) -> float:
        """An hour of an instance's disk; nothing where it has none of its own, or that has no price."""
        price = self._table.volume(self.region, meter) if volume_gb else None
        if price is None:
            if volume_gb:
                self.notes.miss(f"no price for the disks of instances in {self.region}")
            return 0.0
        if price.meter != VOLUMES.get(meter):
            other = price.meter.removesuffix(" volume")
            self.notes.assume(f"disks are taken to cost the same for {meter} as for {other}")
        return price.usd * volume_gb / HOURS_PER_MONTH

"""The price table: what AWS asks for an hour of an instance and a month of a GB, by region, each price with its source.

`prices.csv` holds what could be found with a source; what could not is left out rather than guessed.
`python -m pipelines prices` reads a region anew from AWS.
"""

import csv
import datetime
from collections.abc import Iterable, Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import PipelineError

InstanceMeter = Literal["Training", "Processing", "Hosting", "Transform", "Studio"]
Meter = Literal[
    InstanceMeter, "Training volume", "Processing volume", "Hosting volume", "Transform volume", "Serverless", "S3"
]
INSTANCE_METERS: tuple[InstanceMeter, ...] = get_args(InstanceMeter)
VOLUMES: dict[InstanceMeter, Meter] = {
    "Training": "Training volume",
    "Processing": "Processing volume",
    "Hosting": "Hosting volume",
    "Transform": "Transform volume",
}
VOLUME_TYPE = "gp2"
SERVERLESS_MEMORY = "memory"
S3_STANDARD = "standard"


class Price(BaseModel):
    """What AWS asks for something, on demand and before taxes, discounts and free tiers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: str = Field(min_length=1, description="such as us-east-1")
    meter: Meter = Field(description="what it is used for; AWS bills each use by a meter of its own")
    item: str = Field(min_length=1, description="instance type, volume type, or what else is counted")
    unit: Literal["instance-hour", "GB-month", "GB-second"]
    usd: float = Field(ge=0, allow_inf_nan=False, description="for one unit, US dollars")
    date: datetime.date = Field(description="when AWS asked this")
    source: str = Field(min_length=1, description="where it was found")


class PriceTable:
    """Prices by region, meter and item.

    Args:
        prices: the later of two for the same thing counts.
    """

    def __init__(self, prices: Iterable[Price]) -> None:
        self._prices = {(price.region, price.meter, price.item): price for price in prices}

    def __iter__(self) -> Iterator[Price]:
        return iter(self._prices[key] for key in sorted(self._prices))

    def find(self, region: str, meter: Meter, item: str) -> Price | None:
        """The price of an item; None when the table has none."""
        return self._prices.get((region, meter, item))

    def instance(self, region: str, meter: InstanceMeter, instance_type: str) -> Price | None:
        """The price of an instance; by another meter where the table has none by this one.

        AWS mostly asks the same whatever an instance is used for; whoever takes a price of another meter says so.
        """
        meters = dict.fromkeys([meter, *INSTANCE_METERS])
        return next((found for each in meters if (found := self.find(region, each, instance_type))), None)

    def volume(self, region: str, meter: InstanceMeter) -> Price | None:
        """The price of an instance's disk; by another meter where the table has none by this one."""
        meters = dict.fromkeys([VOLUMES.get(meter, "Training volume"), *VOLUMES.values()])
        return next((found for each in meters if (found := self.find(region, each, VOLUME_TYPE))), None)

    def with_region(self, region: str, prices: Iterable[Price]) -> "PriceTable":
        """This table with `prices` in place of all that it had for a region."""
        return PriceTable([*(price for price in self if price.region != region), *prices])

    def regions(self) -> list[str]:
        """The regions that the table has prices for."""
        return sorted({price.region for price in self})


def price_file() -> Traversable:
    """The table that comes with the project."""
    return resources.files("pipelines.cost").joinpath("prices.csv")


def load_prices(file: Traversable | Path | None = None) -> PriceTable:
    """Read a price table, the project's own by default.

    Raises:
        PipelineError: a line is no price; it is named.
    """
    file = file or price_file()
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    prices = []
    for row in rows:
        try:
            prices.append(Price.model_validate(row))
        except ValidationError as error:
            reason = error.errors()[0]
            field = ".".join(str(part) for part in reason["loc"])
            raise PipelineError(f"{file}, line {rows.line_num}: {field}: {reason['msg']}") from None
    return PriceTable(prices)


def save_prices(table: PriceTable, file: Path) -> None:
    """Write a price table, a line for each price, in order."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(Price.model_fields), lineterminator="\n")
        writer.writeheader()
        for price in table:
            usd = f"{price.usd:.10f}".rstrip("0").rstrip(".")
            writer.writerow({**price.model_dump(mode="json"), "usd": usd})

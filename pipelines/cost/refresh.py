"""Read a region's prices anew from the AWS Price List API.

Source of the fields: "Reading the service price list file for an AWS service" in the AWS Billing user guide. Meters are
told apart by usage type, such as `EUC1-Train:ml.m5.xlarge`, `Host:VolumeUsage.gp2` or `USE1-ServerlessInf:Mem-2GB`;
us-east-1 has its prefix for some services only.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3

from pipelines.cost.prices import S3_STANDARD, SERVERLESS_MEMORY, VOLUME_TYPE, VOLUMES, InstanceMeter, Meter, Price
from pipelines.errors import PipelineError
from pipelines.target import CLIENT_SETTINGS

API_REGION = "us-east-1"
"""One of the few regions in which the price list answers, for all regions."""

SERVICES = ("AmazonSageMaker", "AmazonS3")
USES: dict[str, InstanceMeter] = {
    "Train": "Training",
    "Processing": "Processing",
    "Host": "Hosting",
    "Tsform": "Transform",
}
_PREFIX = r"(?:[A-Z]{2,4}\d?-)?"
_INSTANCE = re.compile(rf"{_PREFIX}({'|'.join(USES)}):(ml\.[a-z0-9-]+\.[a-z0-9]+)")
_VOLUME = re.compile(rf"{_PREFIX}({'|'.join(USES)}):VolumeUsage\.{VOLUME_TYPE}")
_SERVERLESS = re.compile(rf"{_PREFIX}ServerlessInf:Mem-(\d+)GB")
_S3 = re.compile(rf"{_PREFIX}TimedStorage-ByteHrs")


def read_region(region: str) -> list[Price]:
    """The prices of a region as AWS asks them today.

    Raises:
        PipelineError: the price list knows no SageMaker in that region.
    """
    # Its own client: the price list answers in its own region, whichever the pipeline is in.
    session: Any = boto3.Session()
    client = session.client("pricing", region_name=API_REGION, config=CLIENT_SETTINGS)
    found = {(price.meter, price.item): price for service in SERVICES for price in _prices(client, service, region)}
    if not any(meter in USES.values() for meter, _ in found):
        raise PipelineError(f"the AWS price list knows no SageMaker instances in {region!r}: is it a region's name?")
    return list(found.values())


def _prices(client: Any, service: str, region: str) -> Iterator[Price]:
    where = [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}]
    for page in client.get_paginator("get_products").paginate(ServiceCode=service, Filters=where):
        for text in page["PriceList"]:
            price = parse_product(json.loads(text), region)
            if price is not None:
                yield price


def parse_product(product: dict[str, Any], region: str) -> Price | None:
    """The price in an entry of GetProducts' PriceList; None when it is of something else, or not in US dollars."""
    usage = product.get("product", {}).get("attributes", {}).get("usagetype", "")
    usd = _on_demand_usd(product)
    what = _what(usage)
    if usd is None or what is None:
        return None
    meter, item, unit, units = what
    return Price(
        region=region,
        meter=meter,
        item=item,
        unit=unit,
        usd=usd / units,
        date=_date(product),
        source=f"AWS Price List API, {usage}, SKU {product['product'].get('sku', 'unknown')}",
    )


def _what(usage: str) -> tuple[Meter, str, Any, int] | None:
    """Meter, item and unit of a usage type, and how many units its price is for."""
    if found := _INSTANCE.fullmatch(usage):
        return USES[found[1]], found[2], "instance-hour", 1
    if found := _VOLUME.fullmatch(usage):
        return VOLUMES[USES[found[1]]], VOLUME_TYPE, "GB-month", 1
    if (found := _SERVERLESS.fullmatch(usage)) and int(found[1]):
        return "Serverless", SERVERLESS_MEMORY, "GB-second", int(found[1])  # asked for a second of that much memory
    if _S3.fullmatch(usage):
        return "S3", S3_STANDARD, "GB-month", 1
    return None


def _on_demand_usd(product: dict[str, Any]) -> float | None:
    """The price of the first tier, US dollars."""
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            if dimension.get("beginRange", "0") == "0" and "USD" in dimension.get("pricePerUnit", {}):
                return float(dimension["pricePerUnit"]["USD"])
    return None


def _date(product: dict[str, Any]) -> Any:
    """When AWS published the price list; today where it does not say."""
    published = product.get("publicationDate")
    return datetime.fromisoformat(published).date() if published else datetime.now(UTC).date()

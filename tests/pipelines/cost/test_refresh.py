"""The price list as AWS documents it, answered by an HTTP server of our own."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipelines.commands.preview import prices as refresh
from pipelines.cost.prices import PriceTable, load_prices, save_prices
from pipelines.cost.refresh import parse_product, read_region
from pipelines.errors import PipelineError


def product(usage: str, usd: str, begin: str = "0", currency: str = "USD", unit: str = "Hrs") -> dict[str, Any]:
    """An entry of PriceList, with the fields that AWS documents."""
    dimension = {
        "unit": unit,
        "endRange": "Inf",
        "description": f"${usd} per {usage}",
        "appliesTo": [],
        "rateCode": "SKU1.JRTCKXETXF.6YS6EN2CT7",
        "beginRange": begin,
        "pricePerUnit": {currency: usd},
    }
    return {
        "product": {
            "productFamily": "ML Instance",
            "attributes": {"usagetype": usage, "regionCode": "eu-central-1", "servicecode": "AmazonSageMaker"},
            "sku": "SKU1",
        },
        "serviceCode": "AmazonSageMaker",
        "terms": {
            "OnDemand": {
                "SKU1.JRTCKXETXF": {
                    "priceDimensions": {"SKU1.JRTCKXETXF.6YS6EN2CT7": dimension},
                    "sku": "SKU1",
                    "effectiveDate": "2026-11-01T00:00:00Z",
                    "offerTermCode": "JRTCKXETXF",
                    "termAttributes": {},
                }
            }
        },
        "version": "20261101000000",
        "publicationDate": "2026-11-02T10:20:30Z",
    }


PAGES = {
    "AmazonSageMaker": [
        [product("EUC1-Train:ml.g5.xlarge", "1.7600000000"), product("EUC1-Host:ml.c7i.large", "0.1220000000")],
        [
            product("EUC1-Processing:VolumeUsage.gp2", "0.1190000000"),
            product("EUC1-Notebk:ml.t3.medium", "0.0600000000"),
        ],
    ],
    "AmazonS3": [[product("EUC1-TimedStorage-ByteHrs", "0.0245000000")]],
}


class PriceList(BaseHTTPRequestHandler):
    """Answers GetProducts in pages, of eu-central-1 alone."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["X-Amz-Target"] == "AWSPriceListService.GetProducts"
        known = asked["Filters"] == [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": "eu-central-1"}]
        pages = PAGES[asked["ServiceCode"]] if known else [[]]
        number = int(asked.get("NextToken", "0"))
        answer = {"FormatVersion": "aws_v1", "PriceList": [json.dumps(entry) for entry in pages[number]]}
        if number + 1 < len(pages):
            answer["NextToken"] = str(number + 1)
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def price_list(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The standard AWS configuration points at a price list of our own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), PriceList)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "some")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "some")
    yield
    server.shutdown()
    server.server_close()


def test_all_pages_of_a_region_are_read(price_list: None) -> None:
    found = {(price.meter, price.item): price for price in read_region("eu-central-1")}
    assert {key: price.usd for key, price in found.items()} == {
        ("Training", "ml.g5.xlarge"): 1.76,
        ("Hosting", "ml.c7i.large"): 0.122,
        ("Processing volume", "gp2"): 0.119,
        ("S3", "standard"): 0.0245,
    }
    training = found["Training", "ml.g5.xlarge"]
    assert training.source == "AWS Price List API, EUC1-Train:ml.g5.xlarge, SKU SKU1"
    assert training.date.isoformat() == "2026-11-02"


def test_a_region_without_sagemaker_is_one_sentence(price_list: None) -> None:
    with pytest.raises(PipelineError, match="knows no SageMaker instances in 'eu-nowhere-1'"):
        read_region("eu-nowhere-1")


def test_the_command_writes_a_region_anew_and_leaves_the_others(
    price_list: None, prices: PriceTable, tmp_path: Path
) -> None:
    file = tmp_path / "prices.csv"
    old = [price.model_copy(update={"region": "eu-central-1"}) for price in prices]
    save_prices(PriceTable([*prices, *old]), file)
    refresh(region=["eu-central-1"], file=file)
    table = load_prices(file)
    assert [price for price in table if price.region == "us-east-1"] == list(prices)
    assert len([price for price in table if price.region == "eu-central-1"]) == 4


@pytest.mark.parametrize(
    ("usage", "known_as"),
    [
        ("Train:ml.m5.xlarge", ("Training", "ml.m5.xlarge", "instance-hour", 0.3)),
        ("EU-Tsform:ml.m5.xlarge", ("Transform", "ml.m5.xlarge", "instance-hour", 0.3)),
        ("USE1-Host:VolumeUsage.gp2", ("Hosting volume", "gp2", "GB-month", 0.3)),
        ("USE1-ServerlessInf:Mem-6GB", ("Serverless", "memory", "GB-second", 0.05)),
        ("TimedStorage-ByteHrs", ("S3", "standard", "GB-month", 0.3)),
    ],
)
def test_a_usage_type_tells_what_is_priced(usage: str, known_as: tuple[Any, ...]) -> None:
    found = parse_product(product(usage, "0.3"), "us-east-1")
    assert found is not None
    assert (found.meter, found.item, found.unit, pytest.approx(found.usd)) == known_as


@pytest.mark.parametrize(
    "other",
    [
        product("USE1-SpotTraining:ml.m5.xlarge", "0.3"),
        product("USE1-Train:ml.m5.xlarge", "0.3", begin="100"),
        product("CNN1-Train:ml.m5.xlarge", "0.3", currency="CNY"),
        {"product": {"attributes": {"usagetype": "Train:ml.m5.xlarge"}}, "terms": {"Reserved": {}}},
        {},
    ],
)
def test_what_is_no_price_on_demand_in_dollars_is_passed_over(other: dict[str, Any]) -> None:
    assert parse_product(other, "us-east-1") is None

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cost.prices import Price, PriceTable, load_prices, price_file, save_prices
from pipelines.errors import PipelineError

REGIONS = {"us-east-1", "us-west-2", "eu-west-1", "eu-central-1"}
HEADER = "region,meter,item,unit,usd,date,source\n"


def test_the_table_of_the_project_has_a_dated_source_for_every_price() -> None:
    table = load_prices()
    assert set(table.regions()) >= REGIONS
    assert all(price.source and price.date.year >= 2023 for price in table)


def test_the_file_of_the_project_is_as_the_command_would_write_it(tmp_path: Path) -> None:
    save_prices(load_prices(), tmp_path / "prices.csv")
    assert (tmp_path / "prices.csv").read_text() == price_file().read_text(encoding="utf-8")


some_prices = st.builds(
    Price,
    region=st.sampled_from(["us-east-1", "eu-west-1"]),
    meter=st.sampled_from(["Training", "S3"]),
    item=st.text("abc,.\"' ", min_size=1, max_size=5).filter(str.strip),
    unit=st.just("instance-hour"),
    usd=st.integers(0, 10**12).map(lambda units: units / 10**10),
    date=st.dates(),
    source=st.text("ab,\"';", min_size=1),
)


@given(written=st.lists(some_prices, max_size=5))
def test_what_is_written_is_read_again(written: list[Price], tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("prices") / "prices.csv"
    table = PriceTable(written)
    save_prices(table, file)
    assert list(load_prices(file)) == list(table)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("us-east-1,Training,ml.m5.large,instance-hour,cheap,2026-01-01,me", "line 2: usd: "),
        ("us-east-1,Training,ml.m5.large,instance-hour,-1,2026-01-01,me", "line 2: usd: "),
        ("us-east-1,Training,ml.m5.large,instance-hour,1,yesterday,me", "line 2: date: "),
        ("us-east-1,Training,ml.m5.large,instance-hour,1,2026-01-01,", "line 2: source: "),
        ("us-east-1,Trayning,ml.m5.large,instance-hour,1,2026-01-01,me", "line 2: meter: "),
    ],
)
def test_a_line_that_is_no_price_is_named(tmp_path: Path, row: str, said: str) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(f"{HEADER}{row}\n")
    with pytest.raises(PipelineError, match=said):
        load_prices(file)


def test_a_price_by_the_same_meter_is_preferred(prices: PriceTable) -> None:
    for meter, usd in (("Processing", 0.4), ("Training", 0.5), ("Hosting", 0.5)):
        found = prices.instance("us-east-1", meter, "ml.c7i.2xlarge")
        assert found is not None
        assert found.usd == usd

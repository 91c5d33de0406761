from dataclasses import replace

import pytest

from pipelines.cost.estimate import estimate
from pipelines.cost.jobs import Job
from pipelines.cost.prices import PriceTable
from pipelines.cost.quotes import Quotes

JOB = Job("Train", "Training", "ml.g5.4xlarge", 1, 0, 7200)


def test_a_missing_price_is_named_and_leaves_its_step_out(prices: PriceTable) -> None:
    quotes = Quotes(prices, "us-east-1")
    jobs = [JOB, replace(JOB, step="Other", instance_type="ml.p9.huge")]
    found = estimate(jobs, {"Train": 60, "Other": 60}, quotes, 0.5)
    assert [line.amount is None for line in found.lines] == [False, True]
    assert found.total.expected == 2.0
    assert quotes.notes.missing == ["Other: no price for ml.p9.huge in us-east-1"]


def test_prices_of_another_region_are_never_taken(prices: PriceTable) -> None:
    quotes = Quotes(prices, "eu-west-1")
    found = estimate([JOB], {"Train": 60}, quotes, 0.5)
    assert found.lines[0].amount is None
    assert quotes.notes.missing == [
        "no prices for eu-west-1: `make prices REGION=eu-west-1` reads them from AWS",
        "Train: no price for ml.g5.4xlarge in eu-west-1",
    ]


def test_a_price_of_another_use_is_taken_and_told(prices: PriceTable) -> None:
    quotes = Quotes(prices, "us-east-1")
    job = replace(JOB, meter="Processing", volume_gb=100)
    found = estimate([job], {"Train": 60}, quotes, 0.5)
    assert found.total.expected == pytest.approx(2.01)
    assert quotes.notes.assumed == ["ml.g5.4xlarge is taken to cost the same for Processing as for Training"]


def test_a_step_of_unknown_duration_is_left_out(prices: PriceTable) -> None:
    quotes = Quotes(prices, "us-east-1")
    assert estimate([JOB], {}, quotes, 0.5).total.expected == 0
    assert quotes.notes.missing[0].startswith("Train: nobody has said how long it takes")


def test_without_a_time_limit_there_is_no_most(prices: PriceTable) -> None:
    quotes = Quotes(prices, "us-east-1")
    found = estimate([replace(JOB, longest_seconds=None)], {"Train": 60}, quotes, 0.5)
    assert (found.total.expected, found.total.most) == (2.0, None)


def test_a_branch_may_cost_nothing_and_the_other_branch_is_not_expected(prices: PriceTable) -> None:
    jobs = [replace(JOB, step="A", branch="if"), replace(JOB, step="B", branch="else")]
    total = estimate(jobs, {"A": 60, "B": 60}, Quotes(prices, "us-east-1"), 0.5).total
    assert (total.least, total.expected, total.most) == (0.0, 2.0, 8.0)


def test_spot_saves_on_instances_that_train_and_not_on_disks(prices: PriceTable) -> None:
    job = replace(JOB, volume_gb=100, spot=True)
    found = estimate([job], {"Train": 60}, Quotes(prices, "us-east-1"), 0.75)
    assert (found.total.expected, found.total.spot) == pytest.approx((2.02, 0.52))

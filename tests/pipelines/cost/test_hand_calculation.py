"""The estimates of two presets against a calculation by hand, with prices that are easy to reckon with."""

from typing import Any

import pytest

from pipelines.cost.estimate import Amount, Estimate, estimate
from pipelines.cost.jobs import parameter_values, planned_jobs
from pipelines.cost.prices import PriceTable
from pipelines.cost.quotes import Quotes

DEMO_MINUTES = {"Catalog": 4, "Ingest": 4, "Explore": 4, "Tune": 4, "Train": 5, "Evaluate": 4}
ABID_MINUTES = {"Catalog": 10, "Ingest": 15, "Explore": 15, "Tune": 30, "Train": 100, "Evaluate": 15}
SPOT_SAVING = 0.6


def reckon(definition: dict[str, Any], minutes: dict[str, float], prices: PriceTable, **given: str) -> Estimate:
    jobs = planned_jobs(definition, parameter_values(definition, given))
    quotes = Quotes(prices, "us-east-1")
    found = estimate(jobs, minutes, quotes, SPOT_SAVING)
    assert (quotes.notes.missing, quotes.notes.assumed) == ([], [])
    return found


def assert_amount(found: Amount | None, least: float, expected: float, spot: float, most: float) -> None:
    assert found is not None
    assert (found.least, found.expected, found.spot, found.most) == pytest.approx((least, expected, spot, most))


def test_the_demo_costs_what_a_hand_calculation_says(
    definitions: dict[str, dict[str, Any]], prices: PriceTable
) -> None:
    found = reckon(definitions["demo"], DEMO_MINUTES, prices)
    lines = {line.job.step: line.amount for line in found.lines}
    # An hour of ml.m5.xlarge is 0.25, of its 30 GB 0.003. Four minutes are a fifteenth of an hour. At most, 4 hours of
    # time limit and the 2 hours in which a failure of SageMaker's own lets the step begin anew.
    for step in ("Catalog", "Ingest", "Explore", "Evaluate"):
        assert_amount(lines[step], 0.253 / 15, 0.253 / 15, 0.253 / 15, 6 * 0.253)
    # Three trials, of which two begin at once and have nothing to be stopped by; a search is not repeated.
    assert_amount(lines["Tune"], 2 * 0.506 / 15, 3 * 0.506 / 15, 3 * 0.206 / 15, 3 * 4 * 0.506)
    assert_amount(lines["Train"], 0.506 / 12, 0.506 / 12, 0.206 / 12, 6 * 0.506)
    assert_amount(
        found.total,
        0.0674667 + 0.0674667 + 0.0421667,
        0.0674667 + 0.1012 + 0.0421667,
        0.0674667 + 0.0412 + 0.0171667,
        4 * 1.518 + 6.072 + 3.036,
    )


def test_the_whole_dataset_costs_what_a_hand_calculation_says(
    definitions: dict[str, dict[str, Any]], prices: PriceTable
) -> None:
    found = reckon(definitions["abid"], ABID_MINUTES, prices)
    lines = {line.job.step: line.amount for line in found.lines}
    # ml.m5.2xlarge 0.5 and 30 GB 0.003, for a sixth of an hour.
    assert_amount(lines["Catalog"], 0.503 / 6, 0.503 / 6, 0.503 / 6, 6 * 0.503)
    # Four times ml.c5.4xlarge 1.0 and 100 GB 0.01, for a quarter of an hour.
    assert_amount(lines["Ingest"], 1.01, 1.01, 1.01, 6 * 4.04)
    # ml.m5.xlarge 0.25 and 100 GB 0.01, for a quarter of an hour.
    assert_amount(lines["Explore"], 0.065, 0.065, 0.065, 6 * 0.26)
    # Nine trials of half an hour, three at once, on ml.g5.4xlarge 2.0 and 200 GB 0.04; on spot 0.8 and 0.04.
    assert_amount(lines["Tune"], 3 * 1.02, 9 * 1.02, 9 * 0.42, 9 * 24 * 2.04)
    assert_amount(lines["Train"], 3.4, 3.4, 1.4, 26 * 2.04)
    # ml.c7i.2xlarge 0.4 and 50 GB 0.005, for a quarter of an hour.
    assert_amount(lines["Evaluate"], 0.10125, 0.10125, 0.10125, 6 * 0.405)
    assert found.total.expected == pytest.approx(0.0838333 + 1.01 + 0.065 + 9.18 + 3.4 + 0.10125)


def test_parameters_take_the_place_of_their_defaults(
    definitions: dict[str, dict[str, Any]], prices: PriceTable
) -> None:
    given = {
        "IngestInstanceType": "ml.m5.2xlarge",
        "IngestInstanceCount": "2",
        "TrainingInstanceType": "ml.c7i.2xlarge",
    }
    found = reckon(definitions["abid"], ABID_MINUTES, prices, **given)
    lines = {line.job.step: line.amount for line in found.lines}
    assert_amount(lines["Ingest"], 2 * 0.51 / 4, 2 * 0.51 / 4, 2 * 0.51 / 4, 6 * 2 * 0.51)
    assert_amount(lines["Train"], 0.54 / 0.6, 0.54 / 0.6, 0.24 / 0.6, 26 * 0.54)

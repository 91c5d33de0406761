from dataclasses import replace

import pytest

from pipelines.config import load_preset
from pipelines.cost.estimate import Amount, Estimate, Line
from pipelines.cost.jobs import Job
from pipelines.cost.month import deployed_schedule, month, runs_per_month, runs_possible
from pipelines.cost.prices import PriceTable
from pipelines.cost.quotes import Quotes
from pipelines.cost.settings import CostSettings
from pipelines.errors import PipelineError
from pipelines.target import Target
from steps.deploy.settings import DeploySettings

WHERE = {"function": "arn:aws:lambda:us-east-1:123456789012:function:f", "endpoint": "e"}
ROLE = "arn:aws:iam::123456789012:role/r"
ONE = Estimate((Line(Job("Train", "Training", "ml.g5.4xlarge", 1, 0, 60), 1, Amount(1, 2, 3, None)),))


def deploy(**more: object) -> DeploySettings:
    return DeploySettings.model_validate({**WHERE, **more})


@pytest.mark.parametrize(
    ("expression", "runs"),
    [
        ("rate(1 hour)", 730),
        ("rate(7 days)", 730 / 168),
        ("rate(30 minutes)", 1460),
        ("cron(0 3 * * ? *)", 365 / 12),
        ("cron(0 3 1 * ? *)", 1),
        ("cron(0 3 1 1/3 ? *)", 4 / 12),
        ("cron(0 3 30 2 ? *)", 0),
        ("at(2130-01-01T00:00:00)", 1),
        ("at(2026-01-01T00:00:00)", 0),
    ],
)
def test_a_month_has_730_hours_and_is_the_twelfth_of_a_year(expression: str, runs: float) -> None:
    assert runs_per_month(expression) == pytest.approx(runs)


@pytest.mark.parametrize(("expression", "runs"), [("cron(0 3 ? * MON *)", 52 / 12), ("cron(0/5 * * * ? *)", 8760)])
def test_how_often_a_calendar_fires_is_counted_over_a_year(expression: str, runs: float) -> None:
    assert runs_per_month(expression) == pytest.approx(runs, rel=0.02)


@pytest.mark.parametrize("expression", ["cron(0 3 * MON *)", "rate(0 days)", "7 days", "rate(1 week)", ""])
def test_what_is_no_schedule_is_one_sentence(expression: str) -> None:
    with pytest.raises(PipelineError, match=r"schedule|instead of six"):
        runs_per_month(expression)


def test_a_month_is_its_executions_its_endpoint_and_its_bucket(prices: PriceTable) -> None:
    quotes = Quotes(prices, "us-east-1")
    two_to_four = deploy(hosting="instance", minimum_instances=2, maximum_instances=4)
    settings = CostSettings(stored_gb=50)
    executions, endpoint, bucket = month(ONE, 10, two_to_four, settings, quotes)
    assert executions.amount == Amount(10, 20, 30, None)
    assert (endpoint.what, endpoint.amount) == ("endpoint, 2 x ml.c7i.large", Amount(146, 146, 146, 292))
    assert (bucket.what, bucket.amount.expected) == ("50 GB in the bucket", 1.0)
    assert quotes.notes.missing == []


def test_no_more_executions_are_counted_than_can_run_one_after_another(prices: PriceTable) -> None:
    hour = Estimate((replace(ONE.lines[0], minutes=60), ONE.lines[0], replace(ONE.lines[0], minutes=None)))
    quotes = Quotes(prices, "us-east-1")
    assert runs_possible(730, hour, quotes) == 730
    assert runs_possible(5, Estimate(()), quotes) == 5
    assert quotes.notes.assumed == []
    assert runs_possible(43_800, hour, quotes) == 730
    assert quotes.notes.assumed == ["the schedule skips while an execution runs, which takes 60.0 minutes or more"]


def test_a_serverless_endpoint_costs_what_its_requests_compute(prices: PriceTable) -> None:
    settings = CostSettings(requests_per_month=100_000, seconds_per_request=0.5)
    (endpoint,) = month(ONE, 0, deploy(memory_mb=3072), settings, Quotes(prices, "us-east-1"))
    assert endpoint.amount.expected == pytest.approx(0.00002 * 3 * 0.5 * 100_000)


@pytest.mark.parametrize("hosting", ["serverless", "instance"])
def test_what_has_no_price_is_left_out_of_the_month_and_told(prices: PriceTable, hosting: str) -> None:
    quotes = Quotes(prices, "eu-south-9")
    assert month(ONE, 0, deploy(hosting=hosting), CostSettings(stored_gb=1), quotes) == []
    assert [sentence.endswith("in eu-south-9") for sentence in quotes.notes.missing] == [False, True, True]


def put_schedule(target: Target, pipeline: str, expression: str, state: str) -> None:
    target.client("scheduler").create_schedule(
        Name=f"{pipeline}-retrain",
        ScheduleExpression=expression,
        ScheduleExpressionTimezone="Europe/Berlin",
        State=state,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": WHERE["function"], "RoleArn": ROLE},
    )


@pytest.mark.parametrize("state", ["ENABLED", "DISABLED"])
def test_the_deployed_schedule_is_reckoned_with_while_it_is_enabled(target: Target, state: str) -> None:
    config = load_preset("demo").model_copy(update={"name": f"weekly-{state.lower()}"})
    assert deployed_schedule(target, config) == ("", "UTC")
    put_schedule(target, config.name, "cron(0 3 ? * MON *)", state)
    enabled = ("cron(0 3 ? * MON *)", "Europe/Berlin")
    assert deployed_schedule(target, config) == (enabled if state == "ENABLED" else ("", "UTC"))

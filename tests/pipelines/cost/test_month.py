import pytest

from pipelines.cost.estimate import Amount, Estimate, Line
from pipelines.cost.jobs import Job
from pipelines.cost.month import deployed_schedule, month, runs_per_month
from pipelines.cost.prices import PriceTable
from pipelines.cost.quotes import Notes, Quotes
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
    ("expression", "runs"), [("rate(1 hour)", 730), ("rate(7 days)", 730 / 168), ("rate(30 minutes)", 1460)]
)
def test_a_month_has_730_hours(expression: str, runs: float) -> None:
    assert runs_per_month(expression) == pytest.approx(runs)


@pytest.mark.parametrize("expression", ["cron(0 3 ? * MON *)", "rate(0 days)", "7 days", "rate(1 week)", ""])
def test_what_is_no_rate_is_one_sentence(expression: str) -> None:
    with pytest.raises(PipelineError, match="need a rate, such as"):
        runs_per_month(expression)


def test_a_month_is_its_executions_its_endpoint_and_its_bucket(prices: PriceTable) -> None:
    quotes = Quotes(prices, "us-east-1")
    two_to_four = deploy(hosting="instance", minimum_instances=2, maximum_instances=4)
    settings = CostSettings(stored_gb=50)
    executions, endpoint, bucket = month(ONE, "rate(73 hours)", two_to_four, settings, quotes)
    assert executions.amount == Amount(10, 20, 30, None)
    assert (endpoint.what, endpoint.amount) == ("endpoint, 2 x ml.c7i.large", Amount(146, 146, 146, 292))
    assert (bucket.what, bucket.amount.expected) == ("50 GB in the bucket", 1.0)
    assert quotes.notes.missing == []


def test_a_serverless_endpoint_costs_what_its_requests_compute(prices: PriceTable) -> None:
    settings = CostSettings(requests_per_month=100_000, seconds_per_request=0.5)
    (endpoint,) = month(ONE, "", deploy(memory_mb=3072), settings, Quotes(prices, "us-east-1"))
    assert endpoint.amount.expected == pytest.approx(0.00002 * 3 * 0.5 * 100_000)


@pytest.mark.parametrize("hosting", ["serverless", "instance"])
def test_what_has_no_price_is_left_out_of_the_month_and_told(prices: PriceTable, hosting: str) -> None:
    quotes = Quotes(prices, "eu-south-9")
    assert month(ONE, "", deploy(hosting=hosting), CostSettings(stored_gb=1), quotes) == []
    assert [sentence.endswith("in eu-south-9") for sentence in quotes.notes.missing] == [False, True, True]


def put_schedule(target: Target, pipeline: str, expression: str, state: str) -> None:
    target.client("scheduler").create_schedule(
        Name=f"{pipeline}-retrain",
        ScheduleExpression=expression,
        State=state,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": WHERE["function"], "RoleArn": ROLE},
    )


@pytest.mark.parametrize(
    ("pipeline", "expression", "state", "reckoned"),
    [
        ("weekly", "rate(7 days)", "ENABLED", "rate(7 days)"),
        ("paused", "rate(7 days)", "DISABLED", ""),
        ("mondays", "cron(0 3 ? * MON *)", "ENABLED", ""),
    ],
)
def test_the_deployed_schedule_is_reckoned_with_while_it_is_enabled(
    target: Target, pipeline: str, expression: str, state: str, reckoned: str
) -> None:
    notes = Notes()
    assert deployed_schedule(target, pipeline, notes) == ""
    put_schedule(target, pipeline, expression, state)
    assert deployed_schedule(target, pipeline, notes) == reckoned
    assert len(notes.missing) == (expression.startswith("cron"))

"""The schedule's settings: what the verbs change, what they leave, and what they refuse."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines import schedule
from pipelines.config import Config
from pipelines.errors import PipelineError
from pipelines.status import read_status
from pipelines.target import Target

WEEK = 7 * 86_400
FUNCTION = "bin-counter-demo-retrain"


def test_scheduling_changes_the_times_alone_and_once(target: Target, config: Config, disabled: Any) -> None:
    before = disabled.get_schedule(Name=FUNCTION)
    lines: list[str] = []
    for _ in range(2):
        times = schedule.read_times("cron(0 3 ? * MON *)", "Europe/Berlin")
        schedule.set_schedule(target, config, times, lines.append)
    after = disabled.get_schedule(Name=FUNCTION)
    assert (after["ScheduleExpression"], after["State"]) == ("cron(0 3 ? * MON *)", "ENABLED")
    assert after["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert all(after[key] == before[key] for key in ("Target", "Description", "FlexibleTimeWindow"))
    assert "scheduled bin-counter-demo-retrain: cron(0 3 ? * MON *), next on Mon " in lines[0]
    assert "is scheduled so already" in lines[1]
    now = schedule.describe_schedule(target, config)
    assert now
    assert now.enabled
    assert now.next
    assert (now.next.weekday(), now.next.hour) == (0, 3)
    assert read_status(target, config).schedule == (
        f"cron(0 3 ? * MON *) Europe/Berlin, next on {now.next:%a %Y-%m-%d %H:%M %Z}"
    )
    schedule.unset_schedule(target, config, lines.append)
    stopped = schedule.describe_schedule(target, config)
    assert stopped == schedule.ScheduleNow("cron(0 3 ? * MON *)", "Europe/Berlin", enabled=False, next=None)


def test_a_rate_that_is_set_again_keeps_its_rhythm(target: Target, config: Config, disabled: Any) -> None:
    times = schedule.read_times("rate(7 days)", "UTC")
    schedule.set_schedule(target, config, times, lambda _: None)
    start = disabled.get_schedule(Name=FUNCTION)["StartDate"]
    assert abs((start - datetime.now(UTC)).total_seconds() - WEEK) < 600
    schedule.set_schedule(target, config, schedule.read_times("rate(7 days)", "UTC"), lambda _: None)
    assert disabled.get_schedule(Name=FUNCTION)["StartDate"] == start
    schedule.set_schedule(target, config, schedule.read_times("cron(0 3 * * ? *)", "UTC"), lambda _: None)
    assert "StartDate" not in disabled.get_schedule(Name=FUNCTION)


def test_unscheduling_leaves_no_start_that_a_later_update_would_be_refused_for(
    target: Target, config: Config, disabled: Any
) -> None:
    schedule.set_schedule(target, config, schedule.read_times("rate(7 days)", "UTC"), lambda _: None)
    schedule.unset_schedule(target, config, lambda _: None)
    after = disabled.get_schedule(Name=FUNCTION)
    assert (after["State"], after["ScheduleExpression"]) == ("DISABLED", "rate(7 days)")
    assert "StartDate" not in after


def test_a_schedule_that_somebody_deleted_is_made_anew(target: Target, config: Config, function: str) -> None:
    schedule.set_schedule(target, config, schedule.read_times("rate(7 days)", "UTC"), lambda _: None)
    scheduler = target.client("scheduler")
    made = scheduler.get_schedule(Name=function)
    scheduler.delete_schedule(Name=function)
    assert made["Target"]["Arn"].endswith(f":function:{function}")
    assert made["Target"]["RoleArn"].endswith(":role/bin-counter-demo-scheduler")
    assert made["Target"]["Input"] == schedule.EVENT


def test_without_a_function_one_is_told_to_deploy_the_stack(target: Target, config: Config) -> None:
    other = config.model_copy(update={"name": "another"})
    with pytest.raises(PipelineError, match=r"neither a schedule nor a function another-retrain: `make deploy-stack`"):
        schedule.set_schedule(target, other, schedule.read_times("rate(7 days)", "UTC"), lambda _: None)
    assert schedule.describe_schedule(target, other) is None


def test_a_pipeline_that_is_not_there_is_not_scheduled(
    target: Target, config: Config, stack_function: Callable[..., str]
) -> None:
    early = config.model_copy(update={"name": "early"})
    stack_function("retrain", "early-retrain", RETRAIN_PIPELINE="early")
    with pytest.raises(PipelineError, match=r"there is no pipeline early in account .* `make upsert-pipeline`"):
        schedule.set_schedule(target, early, schedule.read_times("rate(7 days)", "UTC"), lambda _: None)
    assert schedule.describe_schedule(target, early) is None


@pytest.mark.parametrize("expression", ["at(2020-01-01T00:00:00)", "rate(3 days)"])
def test_when_a_schedule_set_elsewhere_is_due_is_left_open_where_it_cannot_be_told(
    target: Target, config: Config, disabled: Any, expression: str
) -> None:
    settings = {key: disabled.get_schedule(Name=FUNCTION)[key] for key in ("Target", "FlexibleTimeWindow")}
    disabled.update_schedule(Name=FUNCTION, ScheduleExpression=expression, State="ENABLED", **settings)
    over = schedule.ScheduleNow(expression, "UTC", enabled=True, next=None)
    assert schedule.describe_schedule(target, config) == over


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("rate(1 week)",), "error: 'rate(1 week)' is no schedule"),
        (("rate(7 days)", "--timezone", "Berlin"), "error: 'Berlin' is no time zone of the IANA database"),
        (("at(2020-01-01T00:00:00)",), "is never due: its times have passed"),
        (("cron(0 3 31 2 ? *)",), "is never due"),
    ],
)
def test_a_wrong_schedule_is_refused_before_anything_is_asked(
    command: Callable[..., str], monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], words: Any, says: str
) -> None:
    monkeypatch.setitem(environment, "AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # where nothing answers
    assert says in command("schedule", *words, fails=True)

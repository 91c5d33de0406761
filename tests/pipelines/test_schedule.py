"""The schedule: commands in other processes, a clock that is moved, and the function that really starts executions."""

import json
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines import schedule
from pipelines.config import Config, load_preset
from pipelines.errors import PipelineError
from pipelines.target import Target

DAY = 86_400
WEEK = 7 * DAY
NAME = "bin-counter-demo"
FUNCTION = f"{NAME}-retrain"


@pytest.fixture(scope="module")
def config(target: Target) -> Config:
    return target.place(load_preset("demo"))


@pytest.fixture(scope="module")
def pipeline(target: Target, config: Config) -> str:
    """A pipeline of the preset's name, whose executions run until they are stopped."""
    wait = {
        "RoleArn": config.role,
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        "AppSpecification": {"ImageUri": config.images.processing, "ContainerEntrypoint": ["sleep", "600"]},
    }
    definition = {"Version": "2020-12-01", "Steps": [{"Name": "Wait", "Type": "Processing", "Arguments": wait}]}
    target.sagemaker.create_pipeline(
        PipelineName=NAME, PipelineDefinition=json.dumps(definition), RoleArn=config.role, ClientRequestToken="t" * 32
    )
    return NAME


@pytest.fixture(scope="module")
def function(stack_function: Callable[..., str], pipeline: str) -> str:
    return stack_function("retrain", FUNCTION, RETRAIN_PIPELINE=pipeline)


@pytest.fixture
def disabled(target: Target, function: str, environment: dict[str, str]) -> Any:
    """The schedule as the stack makes it, and nothing of it afterwards."""
    scheduler = target.client("scheduler")
    called = target.client("lambda").get_function_configuration(FunctionName=function)
    scheduler.create_schedule(
        Name=function,
        ScheduleExpression="rate(1 day)",
        State="DISABLED",
        Description="Trains anew",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": called["FunctionArn"], "RoleArn": called["Role"], "Input": schedule.EVENT},
    )
    yield scheduler
    scheduler.delete_schedule(Name=function)
    move_clock(environment, set=datetime.now(UTC).isoformat())


def move_clock(environment: dict[str, str], **move: Any) -> None:
    url = f"{environment['AWS_ENDPOINT_URL']}/embedded/clock"
    with urllib.request.urlopen(url, json.dumps(move).encode(), timeout=60) as answer:  # noqa: S310 - our own server's
        assert answer.status == 200


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def executions(target: Target) -> list[Any]:
    """Newest first."""
    return target.sagemaker.list_pipeline_executions(PipelineName=NAME)["PipelineExecutionSummaries"]


def said(target: Target, name: str, word: str) -> int:
    """How often a function's log has a word."""
    try:
        found = target.logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    except target.logs.exceptions.ResourceNotFoundException:
        return 0
    return sum(word in event["message"] for event in found)


def stop_all(target: Target) -> None:
    for known in executions(target):
        if known["PipelineExecutionStatus"] == "Executing":
            target.sagemaker.stop_pipeline_execution(
                PipelineExecutionArn=known["PipelineExecutionArn"], ClientRequestToken="s" * 32
            )
    wait_until(lambda: {each["PipelineExecutionStatus"] for each in executions(target)} <= {"Stopped"})


def test_a_schedule_starts_the_pipeline_skips_while_it_runs_and_is_removed(
    target: Target, disabled: Any, environment: dict[str, str], command: Callable[..., str], function: str
) -> None:
    assert "scheduled bin-counter-demo-retrain: rate(7 days), next on " in command("schedule", "rate(7 days)")
    start = disabled.get_schedule(Name=function)["StartDate"]
    move_clock(environment, advance_seconds=WEEK + 60)
    wait_until(lambda: len(executions(target)) == 1)
    first = f"{start.astimezone(UTC):scheduled-%Y-%m-%dT%H-%M-%SZ}"  # in a week, though Scheduler would begin at once
    assert executions(target)[0]["PipelineExecutionDisplayName"] == first
    move_clock(environment, advance_seconds=WEEK)
    wait_until(lambda: said(target, function, "skipped: nothing was started, since arn:aws:sagemaker:") == 1)
    assert [each["PipelineExecutionStatus"] for each in executions(target)] == ["Executing"]
    stop_all(target)
    move_clock(environment, advance_seconds=WEEK)
    wait_until(lambda: len(executions(target)) == 2)
    stop_all(target)
    assert "unscheduled bin-counter-demo-retrain" in command("unschedule")
    calls = said(target, function, "START RequestId")
    move_clock(environment, advance_seconds=8 * WEEK)
    # Calls of functions are begun in order: when a later one has run, earlier ones would have.
    disabled.create_schedule(
        Name="later",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=disabled.get_schedule(Name=function)["Target"] | {"Input": '{"time": "the last"}'},
    )
    move_clock(environment, advance_seconds=60)
    wait_until(lambda: any("the-last" in each["PipelineExecutionDisplayName"] for each in executions(target)))
    disabled.delete_schedule(Name="later")
    stop_all(target)
    wait_until(lambda: said(target, function, "START RequestId") > calls)
    assert said(target, function, "START RequestId") == calls + 1
    assert len(executions(target)) == 3
    assert "nothing is scheduled" in command("unschedule")


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
    with pytest.raises(PipelineError, match=r"there is no pipeline early to start: `make upsert-pipeline` first"):
        schedule.set_schedule(target, early, schedule.read_times("rate(7 days)", "UTC"), lambda _: None)
    assert schedule.describe_schedule(target, early) is None


def test_a_schedule_written_elsewhere_is_described_as_far_as_it_is_understood(
    target: Target, config: Config, disabled: Any
) -> None:
    settings = {key: disabled.get_schedule(Name=FUNCTION)[key] for key in ("Target", "FlexibleTimeWindow")}
    expression = "at(2020-01-01T00:00:00)"
    disabled.update_schedule(Name=FUNCTION, ScheduleExpression=expression, State="ENABLED", **settings)
    assert schedule.describe_schedule(target, config) == schedule.ScheduleNow(
        expression, "UTC", enabled=True, next=None
    )


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

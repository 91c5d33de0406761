"""A schedule fires: by a clock that is moved, through the real function, and starts real executions."""

import time
from collections.abc import Callable
from datetime import UTC
from typing import Any

from pipelines.target import Target

WEEK = 7 * 86_400
NAME = "bin-counter-demo"


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
    target: Target, disabled: Any, move_clock: Callable[..., None], command: Callable[..., str], function: str
) -> None:
    assert "scheduled bin-counter-demo-retrain: rate(7 days), next on " in command("schedule", "rate(7 days)")
    start = disabled.get_schedule(Name=function)["StartDate"]
    move_clock(advance_seconds=WEEK + 60)
    wait_until(lambda: len(executions(target)) == 1)
    first = f"{start.astimezone(UTC):scheduled-%Y-%m-%dT%H-%M-%SZ}"  # in a week, though Scheduler would begin at once
    assert executions(target)[0]["PipelineExecutionDisplayName"] == first
    move_clock(advance_seconds=WEEK)
    wait_until(lambda: said(target, function, "skipped: nothing was started, since arn:aws:sagemaker:") == 1)
    assert [each["PipelineExecutionStatus"] for each in executions(target)] == ["Executing"]
    stop_all(target)
    move_clock(advance_seconds=WEEK)
    wait_until(lambda: len(executions(target)) == 2)
    stop_all(target)
    assert "unscheduled bin-counter-demo-retrain" in command("unschedule")
    wait_until(lambda: said(target, function, "START RequestId") == 3)
    move_clock(advance_seconds=8 * WEEK)
    # Calls of functions are begun in order: when a later one has run, earlier ones would have.
    disabled.create_schedule(
        Name="later",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=disabled.get_schedule(Name=function)["Target"] | {"Input": '{"time": "the last"}'},
    )
    move_clock(advance_seconds=60)
    wait_until(lambda: any("the-last" in each["PipelineExecutionDisplayName"] for each in executions(target)))
    disabled.delete_schedule(Name="later")
    stop_all(target)
    wait_until(lambda: said(target, function, "START RequestId") > 3)
    assert said(target, function, "START RequestId") == 4
    assert len(executions(target)) == 3
    assert "nothing is scheduled" in command("unschedule")

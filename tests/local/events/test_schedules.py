"""Schedules fire when they are due by a clock that can be moved."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

DAY = 86_400
QUEUED = '{"due": "<aws.scheduler.scheduled-time>"}'


@pytest.fixture(autouse=True)
def in_june(desk):
    """Each test begins at the same time, without the schedules of another."""
    for schedule in desk.scheduler.list_schedules()["Schedules"]:
        desk.scheduler.delete_schedule(Name=schedule["Name"])
    for rule in desk.events.list_rules()["Rules"]:
        if "ScheduleExpression" in rule:
            desk.events.disable_rule(Name=rule["Name"])
    desk.clock.set(datetime(2026, 6, 1, 12, 0, tzinfo=UTC))


def post(url, body):
    request = urllib.request.Request(f"{url}/embedded/clock", data=body)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def due(desk, url, count):
    """When the firings that arrive in a queue were due, in the order of their arrival."""
    return [json.loads(text)["due"] for text in desk.texts(url, count)]


def test_a_schedule_fires_by_itself_when_its_time_comes(desk):
    url, queue = desk.queue()
    soon = (desk.clock.now() + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S")
    desk.schedule(f"at({soon})", {"Arn": queue, "Input": QUEUED})
    assert due(desk, url, 1) == [f"{soon}Z"]


def test_a_clock_moved_past_several_firings_has_each_done_in_order(desk):
    url, queue = desk.queue()
    desk.schedule("cron(0 9 ? * MON *)", {"Arn": queue, "Input": QUEUED})
    desk.schedule("at(2026-06-10T00:00:00)", {"Arn": queue, "Input": QUEUED}, ScheduleExpressionTimezone="Asia/Tokyo")
    desk.clock.advance(15 * DAY)
    assert due(desk, url, 3) == ["2026-06-08T09:00:00Z", "2026-06-09T15:00:00Z", "2026-06-15T09:00:00Z"]


def test_a_rate_begins_at_once_or_at_its_start_and_ends_at_its_end(desk):
    url, queue = desk.queue()
    desk.schedule("rate(2 days)", {"Arn": queue, "Input": QUEUED}, EndDate=datetime(2026, 6, 5, 12, 0, 30, tzinfo=UTC))
    desk.clock.advance(10 * DAY)
    assert due(desk, url, 3) == ["2026-06-01T12:00:00Z", "2026-06-03T12:00:00Z", "2026-06-05T12:00:00Z"]
    url, queue = desk.queue()
    desk.schedule("rate(1 day)", {"Arn": queue, "Input": QUEUED}, StartDate=datetime(2026, 6, 13, tzinfo=UTC))
    desk.clock.advance(3 * DAY)
    assert due(desk, url, 2) == ["2026-06-13T00:00:00Z", "2026-06-14T00:00:00Z"]


def test_a_schedule_in_a_time_zone_follows_its_clocks(desk):
    url, queue = desk.queue()
    zone = {"ScheduleExpressionTimezone": "Europe/Berlin"}
    desk.clock.set(datetime(2026, 10, 23, 12, 0, tzinfo=UTC))
    desk.schedule("cron(0 9 * * ? *)", {"Arn": queue, "Input": QUEUED}, **zone)
    desk.clock.advance(3 * DAY)
    assert due(desk, url, 3) == ["2026-10-24T07:00:00Z", "2026-10-25T08:00:00Z", "2026-10-26T08:00:00Z"]


def test_a_flexible_schedule_fires_within_its_window(desk):
    url, queue = desk.queue()
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 60}
    desk.schedule("at(2026-06-02T00:00:00)", {"Arn": queue, "Input": QUEUED}, FlexibleTimeWindow=window)
    desk.clock.advance(DAY / 2)  # to its beginning
    desk.settle()
    assert desk.is_empty(url)
    desk.clock.advance(3600)
    assert due(desk, url, 1) == ["2026-06-02T00:00:00Z"]


def test_what_is_due_while_a_schedule_is_disabled_is_left_out(desk):
    url, queue = desk.queue()
    target = {"Arn": queue, "Input": QUEUED, "RoleArn": desk.role}
    name = desk.schedule("cron(0 0 * * ? *)", target, State="DISABLED")
    desk.clock.advance(2 * DAY)
    desk.scheduler.update_schedule(
        Name=name, ScheduleExpression="cron(0 0 * * ? *)", Target=target, FlexibleTimeWindow={"Mode": "OFF"}
    )
    desk.clock.advance(DAY)
    assert due(desk, url, 1) == ["2026-06-04T00:00:00Z"]


def test_a_schedule_that_is_complete_is_deleted_if_it_is_to_be(desk):
    _, queue = desk.queue()
    gone = desk.schedule("at(2026-06-02T00:00:00)", {"Arn": queue}, ActionAfterCompletion="DELETE")
    stays = desk.schedule("at(2026-06-02T00:00:00)", {"Arn": queue})
    changed = desk.schedule("at(2026-06-02T00:00:00)", {"Arn": queue})
    desk.scheduler.update_schedule(
        Name=changed,
        ScheduleExpression="at(2026-06-03T00:00:00)",
        Target={"Arn": queue, "RoleArn": desk.role},
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
    )
    desk.clock.advance(DAY)
    names = {each["Name"] for each in desk.scheduler.list_schedules()["Schedules"]}
    assert names == {stays, changed}
    assert gone not in names
    desk.clock.advance(DAY)
    assert [each["Name"] for each in desk.scheduler.list_schedules()["Schedules"]] == [stays]


def test_a_clock_moved_back_fires_nothing_and_what_comes_after_fires_again(desk):
    url, queue = desk.queue()
    desk.schedule("cron(0 0 * * ? *)", {"Arn": queue, "Input": QUEUED})
    desk.clock.advance(DAY)
    assert due(desk, url, 1) == ["2026-06-02T00:00:00Z"]
    desk.clock.set(datetime(2026, 6, 1, 12, 0, tzinfo=UTC))
    desk.settle()
    assert desk.is_empty(url)
    desk.clock.advance(DAY)
    assert due(desk, url, 1) == ["2026-06-02T00:00:00Z"]


def test_a_rule_with_a_schedule_gives_its_targets_the_scheduled_event(desk):
    url, queue = desk.queue()
    rule = desk.rule(None, {"Arn": queue}, ScheduleExpression="rate(1 day)")
    desk.put("anything", {})  # which a rule without a pattern does not match
    desk.clock.advance(DAY)
    event = json.loads(desk.texts(url)[0])
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert event["resources"] == [f"arn:aws:events:us-east-1:123456789012:rule/{rule}"]
    assert event["time"].startswith("2026-06-02T12:00")


@pytest.mark.parametrize("universal", [False, True])
def test_a_schedule_starts_a_pipeline(desk, universal):
    pipeline = desk.tiny.create(
        [{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.who"}}}],
        [{"Name": "who", "Type": "String"}],
    )
    given = [{"Name": "who", "Value": "the schedule"}]
    templated = {
        "Arn": f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{pipeline}",
        "SageMakerPipelineParameters": {"PipelineParameterList": given},
    }
    anything = {
        "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution",
        "Input": json.dumps({"PipelineName": pipeline, "PipelineParameters": given}),
    }
    desk.schedule("rate(7 days)", anything if universal else templated)
    desk.clock.advance(7 * DAY)

    def failures():
        listing = desk.tiny.sagemaker.list_pipeline_executions(PipelineName=pipeline)
        return [each.get("PipelineExecutionFailureReason", "") for each in listing["PipelineExecutionSummaries"]]

    desk.until(lambda: len(failures()) == 2 and all("the schedule" in reason for reason in failures()))


def test_a_schedule_puts_events_on_a_bus(desk):
    url, queue = desk.queue()
    desk.rule({"source": ["my.schedule"]}, {"Arn": queue, "InputPath": "$.detail"})
    bus = desk.events.describe_event_bus(Name="default")["Arn"]
    parameters = {"Source": "my.schedule", "DetailType": "Weekly"}
    desk.schedule("at(2026-06-02T00:00:00)", {"Arn": bus, "Input": '{"n": 1}', "EventBridgeParameters": parameters})
    desk.clock.advance(DAY)
    assert desk.texts(url) == ['{"n": 1}']


def test_a_schedule_that_cannot_call_its_target_leaves_a_dead_letter(desk):
    url, dead = desk.queue()
    missing = "arn:aws:sqs:us-east-1:123456789012:nowhere"
    name = desk.schedule("at(2026-06-02T00:00:00)", {"Arn": missing, "DeadLetterConfig": {"Arn": dead}})
    desk.clock.advance(DAY)
    (message,) = desk.messages(url)
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert attributes["SCHEDULE_ARN"].endswith(f":schedule/default/{name}")
    assert attributes["SCHEDULED_TIME"] == "2026-06-02T00:00:00Z"
    assert attributes["ERROR_CODE"] == "NO_RESOURCE"
    event = json.loads(message["Body"])
    assert (event["source"], event["detail"]) == ("aws.scheduler", "{}")


def test_an_expression_or_a_time_zone_that_is_none_is_refused(desk):
    _, queue = desk.queue()
    with pytest.raises(ClientError, match="Invalid Schedule Expression rate") as error:
        desk.schedule("rate(5 weeks)", {"Arn": queue})
    assert error.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match="not a time zone"):
        desk.schedule("rate(5 days)", {"Arn": queue}, ScheduleExpressionTimezone="Mars/Olympus")


def test_another_process_reads_and_moves_the_clock(desk):
    url, queue = desk.queue()
    desk.schedule("cron(0 0 * * ? *)", {"Arn": queue, "Input": QUEUED})
    status, answer = post(desk.tiny.server.url, b'{"advance_seconds": 86400}')
    assert status == 200
    assert answer["now"].startswith("2026-06-02T12:00")
    assert due(desk, url, 1) == ["2026-06-02T00:00:00Z"]
    assert post(desk.tiny.server.url, b'{"set": "2026-07-01T02:00:00+02:00"}')[1]["now"].startswith("2026-07-01T00:00")
    with urllib.request.urlopen(f"{desk.tiny.server.url}/embedded/clock", timeout=30) as answer:  # noqa: S310
        assert json.loads(answer.read())["now"].startswith("2026-07-01T00:00")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{}", "advance_seconds"),
        (b"[" * 900, ""),
        (b'{"advance_seconds": -1}', "not negative"),
        (b'{"advance_seconds": 1e400}', "not negative"),
        (b'{"advance_seconds": 1e15}', "1970 to 2199"),
        (b'{"set": "2026-07-01T00:00:00"}', "time zone"),
        (b'{"set": "soon"}', "soon"),
    ],
)
def test_a_move_of_the_clock_that_makes_no_sense_is_refused(desk, body, says):
    before = desk.clock.now()
    status, answer = post(desk.tiny.server.url, body)
    assert status == 400
    assert says in answer["message"]
    assert desk.clock.now() - before < timedelta(hours=1)

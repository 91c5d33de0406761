"""Events: what SageMaker announces and clients put reaches the targets of the rules that match."""

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from pipelines.local.announcements import Announcement, Announcements
from pipelines.local.connection import Connection
from pipelines.local.events.bus import Bus
from pipelines.local.events.courier import Courier
from pipelines.local.events.event import announced
from pipelines.local.store import Store

APPROVED = {
    "source": ["aws.sagemaker"],
    "detail-type": ["SageMaker Model Package State Change"],
    "detail": {"ModelPackageGroupName": ["approved-here"], "ModelApprovalStatus": ["Approved"]},
}
SPECIFICATION = {
    "Containers": [{"Image": "1.dkr.ecr.us-east-1.amazonaws.com/tiny/serving:1", "ModelDataUrl": "s3://b/m.tar.gz"}],
    "SupportedContentTypes": ["image/jpeg"],
    "SupportedResponseMIMETypes": ["application/json"],
}


def package(desk, group):
    desk.tiny.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    return desk.tiny.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification=SPECIFICATION,
    )["ModelPackageArn"]


def test_approving_a_model_package_reaches_a_queue_as_the_event_that_aws_documents(desk):
    url, queue = desk.queue()
    desk.rule(APPROVED, {"Arn": queue})
    arn = package(desk, "approved-here")
    desk.tiny.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    event = json.loads(desk.texts(url)[0])
    detail = event.pop("detail")
    assert {name: event[name] for name in ("version", "detail-type", "source", "account", "region", "resources")} == {
        "version": "0",
        "detail-type": "SageMaker Model Package State Change",
        "source": "aws.sagemaker",
        "account": "123456789012",
        "region": "us-east-1",
        "resources": [arn],
    }
    assert event["time"].endswith("Z")
    assert detail["ModelPackageArn"] == arn
    assert detail["ModelPackageVersion"] == 1
    assert detail["ModelPackageStatus"] == "Completed"
    assert detail["UpdatedModelPackageFields"] == ["ModelApprovalStatus"]
    assert detail["CreationTime"].endswith("Z")
    assert detail["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == "s3://b/m.tar.gz"


def test_registering_in_a_pipeline_is_an_event_too(desk):
    url, queue = desk.queue()
    desk.rule({"detail": {"ModelPackageGroupName": ["from-a-pipeline"]}}, {"Arn": queue})
    arguments = {"ModelPackageGroupName": "from-a-pipeline", "InferenceSpecification": SPECIFICATION}
    desk.tiny.run([{"Name": "Register", "Type": "RegisterModel", "Arguments": arguments}])
    detail = json.loads(desk.texts(url)[0])["detail"]
    assert detail["ModelPackageVersion"] == 1
    assert "UpdatedModelPackageFields" not in detail


@pytest.mark.parametrize(
    ("kind", "form", "time"),
    [
        ("Training Job", lambda seconds: seconds * 1000, "CreationTime"),
        ("Processing Job", lambda seconds: seconds * 1000, "ProcessingEndTime"),
        ("Endpoint", lambda seconds: seconds * 1000, "LastModifiedTime"),
        ("Transform Job", lambda seconds: f"{datetime.fromtimestamp(seconds, UTC):%FT%TZ}", "TransformStartTime"),
    ],
)
def test_the_times_of_an_event_have_the_form_that_aws_shows(kind, form, time):
    detail = {time: 1583831889, "Steps": [{"StartTime": 1583831890.0}], "MaxTimeInSeconds": 60, "Tags": {"Time": "9"}}
    event = announced(Announcement(f"SageMaker {kind} State Change", "arn:any", detail))
    assert event["detail"] == {
        **detail,
        time: form(1583831889),
        "Steps": [{"StartTime": form(1583831890)}],
    }


def test_an_announcement_becomes_an_event_that_later_changes_do_not_touch(desk, tmp_path):
    url, queue = desk.queue()
    desk.rule({"detail": {"TrainingJobStatus": [{"prefix": "Compl"}]}}, {"Arn": queue})
    store = Store(tmp_path / "state.sqlite")
    courier = Courier(Connection(desk.tiny.server.url), store)
    announcements = Announcements()
    announcements.subscribe(Bus(courier).hear)
    detail = {"TrainingJobName": "a", "TrainingJobStatus": "Completed"}
    announcements.announce(Announcement("SageMaker Training Job State Change", "arn:job/a", detail))
    detail["TrainingJobStatus"] = "changed"
    event = json.loads(desk.texts(url)[0])
    courier.close(10)
    store.close()
    assert event["detail"] == {"TrainingJobName": "a", "TrainingJobStatus": "Completed"}
    assert event["resources"] == ["arn:job/a"]


def test_events_reach_a_target_in_the_order_in_which_they_were_put(desk):
    url, queue = desk.queue(FifoQueue="true", ContentBasedDeduplication="true")
    desk.rule(
        {"source": ["ordered"]}, {"Arn": queue, "SqsParameters": {"MessageGroupId": "g"}, "InputPath": "$.detail.n"}
    )
    for number in range(10):
        desk.put("ordered", {"n": number})

    def all_there():
        given = desk.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return given["Attributes"]["ApproximateNumberOfMessages"] == "10"

    desk.until(all_there)
    found = desk.messages(url, 10)
    assert [int(message["Body"]) for message in found] == list(range(10))
    assert found[0]["Attributes"]["MessageGroupId"] == "g"


def test_an_event_starts_a_pipeline_with_parameters_from_the_event(desk):
    parameters = [{"Name": "who", "Type": "String"}, {"Name": "count", "Type": "Integer", "DefaultValue": 1}]
    step = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.who"}}}
    pipeline = desk.tiny.create([step], parameters)
    given = [{"Name": "who", "Value": "$.detail.who"}, {"Name": "count", "Value": "7"}]
    desk.rule(
        {"source": ["starts.a.pipeline"]},
        {
            "Arn": f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{pipeline}",
            "RoleArn": desk.role,
            "SageMakerPipelineParameters": {"PipelineParameterList": given},
        },
    )
    desk.put("starts.a.pipeline", {"who": "me"})
    started = []

    def starts():
        listing = desk.tiny.sagemaker.list_pipeline_executions(PipelineName=pipeline)
        started[:] = listing["PipelineExecutionSummaries"]
        return started

    desk.until(starts)
    arn = started[0]["PipelineExecutionArn"]
    assert "me" in desk.tiny.finish(arn)["FailureReason"]
    bound = desk.tiny.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
    assert {item["Name"]: item["Value"] for item in bound["PipelineParameters"]} == {"who": "me", "count": "7"}


def test_a_disabled_rule_delivers_nothing_until_it_is_enabled(desk):
    url, queue = desk.queue()
    rule = desk.rule({"source": ["disabled"]}, {"Arn": queue, "InputPath": "$.detail.n"}, State="DISABLED")
    desk.put("disabled", {"n": 1})
    desk.settle()
    assert desk.is_empty(url)
    desk.events.enable_rule(Name=rule)
    desk.put("disabled", {"n": 2})
    assert desk.texts(url) == ["2"]


def test_a_bus_of_its_own_has_its_own_rules_and_forwards_to_another_bus_once(desk):
    buses = {name: desk.events.create_event_bus(Name=name)["EventBusArn"] for name in ("first", "second", "third")}
    url, queue = desk.queue()
    desk.rule({"source": ["travels"]}, {"Arn": buses["second"], "RoleArn": desk.role}, bus="first")
    desk.rule({"source": ["travels"]}, {"Arn": queue}, {"Arn": buses["third"], "RoleArn": desk.role}, bus="second")
    never, unused = desk.queue()
    desk.rule({"source": ["travels"]}, {"Arn": unused}, bus="third")
    desk.rule({"source": ["travels"]}, {"Arn": unused})
    put = desk.put("travels", {"n": 1}, bus="first")
    event = json.loads(desk.texts(url)[0])
    assert event["id"] == put["EventId"]
    assert event["detail"] == {"n": 1}
    desk.settle()
    assert desk.is_empty(never)


def test_topics_log_groups_and_archives_are_targets_as_well(desk):
    url, queue = desk.queue()
    topic = desk.sns.create_topic(Name="told")["TopicArn"]
    desk.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    desk.logs.create_log_group(logGroupName="/aws/events/kept")
    group = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/events/kept"
    desk.rule({"source": ["widely"]}, {"Arn": topic, "InputPath": "$.detail"}, {"Arn": group})
    bus = desk.events.describe_event_bus(Name="default")["Arn"]
    desk.events.create_archive(ArchiveName="kept", EventSourceArn=bus, EventPattern='{"source": ["widely"]}')
    desk.put("widely", {"n": 1})
    assert desk.texts(url) == ['{"n": 1}']
    desk.until(lambda: desk.events.describe_archive(ArchiveName="kept")["EventCount"] == 1)
    desk.until(lambda: desk.logs.filter_log_events(logGroupName="/aws/events/kept")["events"])
    (line,) = desk.logs.filter_log_events(logGroupName="/aws/events/kept")["events"]
    assert json.loads(line["message"])["detail"] == {"n": 1}


@pytest.mark.parametrize(
    ("arn", "code", "says"),
    [
        ("arn:aws:sqs:us-east-1:123456789012:nowhere", "NO_RESOURCE", "NonExistentQueue"),
        ("arn:aws:sagemaker:us-east-1:123456789012:pipeline/nowhere", "NO_RESOURCE", "nowhere"),
        ("arn:aws:lambda:us-east-1:123456789012:function:nowhere", "NO_RESOURCE", "Function not found"),
        ("arn:aws:states:us-east-1:123456789012:stateMachine:any", "INVALID_PARAMETER", "does not deliver to"),
    ],
)
def test_what_cannot_be_delivered_is_left_in_the_dead_letter_queue_with_the_reason(desk, arn, code, says):
    url, dead = desk.queue()
    rule = desk.rule({"source": [arn]}, {"Arn": arn, "Input": "{}", "DeadLetterConfig": {"Arn": dead}})
    desk.put(arn, {"n": 1})
    (message,) = desk.messages(url)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    assert attributes["RULE_ARN"].endswith(f":rule/{rule}")
    assert attributes["TARGET_ARN"] == arn
    assert attributes["ERROR_CODE"] == code
    assert says in attributes["ERROR_MESSAGE"]
    assert attributes["RETRY_ATTEMPTS"] == "0"
    assert "EXHAUSTED_RETRY_CONDITION" not in attributes


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"DetailType": "t", "Detail": "{}"}, "InvalidArgument"),
        ({"Source": "s", "DetailType": "t"}, "InvalidArgument"),
        ({"Source": "s", "DetailType": "t", "Detail": "{"}, "MalformedDetail"),
        ({"Source": "s", "DetailType": "t", "Detail": "[]"}, "MalformedDetail"),
        ({"Source": "aws.sagemaker", "DetailType": "t", "Detail": "{}"}, "NotAuthorizedForSourceException"),
    ],
)
def test_an_entry_that_is_not_right_is_refused_and_the_others_are_taken(desk, entry, code):
    right = {"Source": "s", "DetailType": "t", "Detail": "{}"}
    answer = desk.events.put_events(Entries=[entry, right])
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == code
    assert answer["Entries"][1]["EventId"]


def test_a_bus_that_does_not_exist_and_a_schedule_that_is_none_are_refused(desk):
    with pytest.raises(ClientError, match="nowhere does not exist") as error:
        desk.put("s", {}, bus="nowhere")
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"
    with pytest.raises(ClientError, match="Parameter ScheduleExpression is not valid"):
        desk.events.put_rule(Name="wrong", ScheduleExpression="cron(0 25 * * ? *)")


def test_an_event_has_the_time_and_the_resources_that_its_entry_gives(desk):
    url, queue = desk.queue()
    desk.rule({"source": ["dated"], "resources": ["arn:b"]}, {"Arn": queue})
    entry = {"Source": "dated", "DetailType": "t", "Detail": "{}", "Resources": ["arn:a", "arn:b"]}
    desk.events.put_events(Entries=[{**entry, "Time": datetime(2026, 3, 1, 12, tzinfo=UTC)}])
    event = json.loads(desk.texts(url)[0])
    assert event["time"] == "2026-03-01T12:00:00Z"
    assert event["resources"] == ["arn:a", "arn:b"]


def test_a_pattern_or_a_target_that_makes_no_sense_does_not_keep_others_from_their_events(desk):
    desk.rule({"detail": {"n": [{"numeric": ["<", "many"]}]}}, {"Arn": desk.queue()[1]})
    broken = {"Arn": desk.queue()[1], "InputTransformer": {"InputTemplate": "<n>", "InputPathsMap": {"n": "$["}}}
    desk.rule({"source": ["sense"]}, broken, {"Arn": "arn:aws:sqs"}, {"Arn": "arn:aws:logs:::log-group:"})
    url, queue = desk.queue()
    desk.rule({"source": ["sense"]}, {"Arn": queue, "InputPath": "$.detail.n"})
    desk.put("sense", {"n": 1})
    assert desk.texts(url) == ["1"]


@pytest.mark.parametrize(
    ("condition", "matching", "other"),
    [
        ({"prefix": "Comp"}, "Completed", "Failed"),
        ({"anything-but": ["Failed", "Stopped"]}, "Completed", "Stopped"),
        ({"anything-but": {"prefix": "Fail"}}, "Completed", "Failed"),
        ({"numeric": [">", 0, "<=", 5]}, 5, 6),
        ({"exists": True}, None, ...),
        ({"exists": False}, ..., "there"),
        ({"equals-ignore-case": "COMPLETED"}, "Completed", "Failed"),
        ({"wildcard": "*-canary-*"}, "my-canary-1", "mine"),
    ],
)
def test_a_pattern_says_which_events_a_rule_is_for(desk, condition, matching, other):
    source = desk.tiny.name("pattern")
    url, queue = desk.queue()
    desk.rule({"source": [source], "detail": {"status": [condition]}}, {"Arn": queue, "InputPath": "$.detail"})
    for status in (other, matching):
        desk.put(source, {} if status is ... else {"status": status})
    assert json.loads(desk.texts(url)[0]) == ({} if matching is ... else {"status": matching})

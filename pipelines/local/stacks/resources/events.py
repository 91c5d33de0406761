"""Rules, buses and schedules."""

from __future__ import annotations

from pipelines.local.aws import ACCOUNT, REGION, Json
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.kinds import Kind, Made, Wanted

_OF_RULE = ("Description", "EventBusName", "EventPattern", "RoleArn", "ScheduleExpression", "State")


def _create_rule(calls: Calls, wanted: Wanted) -> Made:
    arn = calls("events", "PutRule", Name=wanted.name, **wanted.some(*_OF_RULE))["RuleArn"]
    return Made(wanted.name, {"Arn": arn})


def _settle_rule(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    name, bus = made.physical_id, wanted.get("EventBusName")
    if before:
        calls("events", "PutRule", Name=name, **wanted.some(*_OF_RULE))
    targets = wanted.get("Targets", [])
    if targets:
        calls("events", "PutTargets", Rule=name, EventBusName=bus, Targets=targets)
    gone = _target_ids(before) - _target_ids(wanted.properties)
    if gone:
        calls.remove("events", "RemoveTargets", Rule=name, EventBusName=bus, Ids=sorted(gone))


def _delete_rule(calls: Calls, made: Made, properties: Json) -> None:
    name, bus = made.physical_id, properties.get("EventBusName")
    ids = sorted(_target_ids(properties))
    if ids:
        calls.remove("events", "RemoveTargets", Rule=name, EventBusName=bus, Ids=ids)
    calls.remove("events", "DeleteRule", Name=name, EventBusName=bus)


def _target_ids(properties: Json) -> set[str]:
    return {target["Id"] for target in properties.get("Targets", [])}


def _create_bus(calls: Calls, wanted: Wanted) -> Made:
    arn = calls("events", "CreateEventBus", Name=wanted.name, **wanted.some("Description"))["EventBusArn"]
    return Made(wanted.name, {"Arn": arn, "Name": wanted.name})


def _create_schedule(calls: Calls, wanted: Wanted) -> Made:
    arn = calls("scheduler", "CreateSchedule", Name=wanted.name, **wanted.but("Name"))["ScheduleArn"]
    return Made(wanted.name, {"Arn": arn})


def _settle_schedule(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    if before:
        calls("scheduler", "UpdateSchedule", Name=made.physical_id, **wanted.but("Name"))


def _delete_schedule(calls: Calls, made: Made, properties: Json) -> None:
    group = properties.get("GroupName")
    calls.remove("scheduler", "DeleteSchedule", Name=made.physical_id, GroupName=group)


def _create_group(calls: Calls, wanted: Wanted) -> Made:
    calls("scheduler", "CreateScheduleGroup", Name=wanted.name, Tags=wanted.tag_list)
    arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/{wanted.name}"
    return Made(wanted.name, {"Arn": arn, "State": "ACTIVE"})


KINDS = {
    "AWS::Events::Rule": Kind(
        _create_rule, _delete_rule, _settle_rule, fixed=frozenset({"EventBusName"}), named="Name"
    ),
    "AWS::Events::EventBus": Kind(
        _create_bus,
        lambda calls, made, _: calls.remove("events", "DeleteEventBus", Name=made.physical_id),
        named="Name",
        longest_name=256,
    ),
    "AWS::Scheduler::Schedule": Kind(
        _create_schedule, _delete_schedule, _settle_schedule, fixed=frozenset({"GroupName"}), named="Name"
    ),
    "AWS::Scheduler::ScheduleGroup": Kind(
        _create_group,
        lambda calls, made, _: calls.remove("scheduler", "DeleteScheduleGroup", Name=made.physical_id),
        named="Name",
    ),
}

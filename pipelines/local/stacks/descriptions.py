"""How stacks, their resources, events and change sets look in answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from pipelines.local.aws import Json, present
from pipelines.local.stacks.change_sets import ChangeSet
from pipelines.local.stacks.record import ResourceRecord, StackRecord


def of_stack(stack: StackRecord) -> Json:
    """A stack, as DescribeStacks shows it."""
    return present(
        {
            "StackName": stack.name,
            "StackId": stack.id,
            "Description": stack.description,
            "Parameters": stack.shown_parameters,
            "CreationTime": _time(stack.created),
            "LastUpdatedTime": _time(stack.changed),
            "DeletionTime": _time(stack.deleted),
            "RollbackConfiguration": {},
            "StackStatus": stack.status,
            "StackStatusReason": stack.reason or None,
            "DisableRollback": not stack.rolls_back,
            "NotificationARNs": [],
            "Capabilities": stack.capabilities,
            "Outputs": stack.outputs,
            "RoleARN": stack.role,
            "Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()],
            "EnableTerminationProtection": stack.protected,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        }
    )


def summary(stack: StackRecord) -> Json:
    """A stack, as ListStacks shows it."""
    names = ("StackId", "StackName", "CreationTime", "LastUpdatedTime", "DeletionTime", "StackStatus")
    found = of_stack(stack)
    shown = {name: found[name] for name in names if name in found}
    return present({**shown, "TemplateDescription": stack.description, "StackStatusReason": stack.reason or None})


def of_resource(resource: ResourceRecord, stack: StackRecord | None = None) -> Json:
    """A resource; with its stack as DescribeStackResources shows it, without as ListStackResources does."""
    moment = "LastUpdatedTimestamp" if stack is None else "Timestamp"
    named = {} if stack is None else {"StackName": stack.name, "StackId": stack.id}
    return present(
        {
            **named,
            "LogicalResourceId": resource.logical_id,
            "PhysicalResourceId": resource.physical_id or None,
            "ResourceType": resource.type,
            moment: _time(resource.changed),
            "ResourceStatus": resource.status,
            "ResourceStatusReason": resource.reason or None,
            "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
        }
    )


def of_event(event: Json, stack: StackRecord) -> Json:
    """An event, as DescribeStackEvents shows it."""
    return present(
        {
            **event,
            "StackId": stack.id,
            "StackName": stack.name,
            "Timestamp": _time(event["Timestamp"]),
            "PhysicalResourceId": event["PhysicalResourceId"] or None,
            "ResourceStatusReason": event["ResourceStatusReason"] or None,
            "ResourceProperties": json.dumps(event["ResourceProperties"]) if event["ResourceProperties"] else None,
        }
    )


def of_change_set(change_set: ChangeSet) -> Json:
    """A change set, as DescribeChangeSet shows it."""
    return present(
        {
            **change_set_summary(change_set),
            "Parameters": change_set.shown_parameters,
            "NotificationARNs": [],
            "RollbackConfiguration": {},
            "Capabilities": change_set.capabilities,
            "Tags": [{"Key": key, "Value": value} for key, value in change_set.tags.items()],
            "Changes": change_set.changes,
        }
    )


def change_set_summary(change_set: ChangeSet) -> Json:
    """A change set, as ListChangeSets shows it."""
    return present(
        {
            "ChangeSetName": change_set.name,
            "ChangeSetId": change_set.id,
            "StackId": change_set.stack_id,
            "StackName": change_set.stack_name,
            "Description": change_set.description,
            "CreationTime": _time(change_set.created),
            "ExecutionStatus": change_set.execution,
            "Status": change_set.status,
            "StatusReason": change_set.reason or None,
            "IncludeNestedStacks": False,
        }
    )


def _time(epoch_seconds: float | None) -> datetime | None:
    return None if epoch_seconds is None else datetime.fromtimestamp(epoch_seconds, UTC)

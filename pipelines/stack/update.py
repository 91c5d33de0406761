"""One change of a stack through a change set: looked at first, told in words, then carried out and followed."""

import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from rich.console import Console

from pipelines.errors import PipelineError
from pipelines.stack.changes import Change, in_words, read_changes
from pipelines.stack.following import first_failure, follow, latest_event
from pipelines.stack.found import REVIEWED, FoundStack, find_stack
from pipelines.stack.template import template_body

POLL_SECONDS = 1.0
NOTHING = ("didn't contain changes", "No updates are to be performed")
"""In the reason of a change set that changes nothing, which CloudFormation lets fail."""
SUCCEEDED = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def update_stack(cloudformation: Any, name: str, parameters: Mapping[str, str], console: Console, *, yes: bool) -> None:
    """Bring a stack to the template with these parameters, or create it.

    Args:
        cloudformation: the client.
        name: the stack's.
        parameters: values, by name.
        console: where to tell what changes, and how far it is.
        yes: also carry out what removes or replaces something that is there.

    Raises:
        PipelineError: CloudFormation refuses the template, something would be lost and `yes` is not given, or a
            resource fails.
    """
    found = find_stack(cloudformation, name)
    is_new = found is None or found.status == REVIEWED
    change_set = _propose(cloudformation, name, parameters, is_new)
    described = _when_ready(cloudformation, change_set["Id"])
    if described["Status"] == "FAILED":
        _discard(cloudformation, name, change_set["Id"], is_new)
        if any(words in described.get("StatusReason", "") for words in NOTHING):
            console.print(f"stack {name} is as it should be", soft_wrap=True)
            return
        raise PipelineError(f"CloudFormation refuses the stack {name}: {described.get('StatusReason')}")
    changes = _changes(cloudformation, change_set["Id"])
    for line in in_words(changes):
        console.print(f"  {line}", soft_wrap=True, markup=False)
    losing = [change.name for change in changes if change.loses]
    if losing and not yes:
        _discard(cloudformation, name, change_set["Id"], is_new)
        raise PipelineError(
            f"nothing was changed: {', '.join(losing)} would be removed or replaced; to do that, say --yes "
            "(`make deploy-stack YES=1`)"
        )
    before = latest_event(cloudformation, change_set["StackId"])
    cloudformation.execute_change_set(ChangeSetName=change_set["Id"])
    ended = follow(cloudformation, change_set["StackId"], before, console)
    if ended.status not in SUCCEEDED:
        raise PipelineError(_told(cloudformation, name, ended, before))
    console.print(f"{'created' if is_new else 'updated'} the stack {name}", soft_wrap=True)


def _propose(cloudformation: Any, name: str, parameters: Mapping[str, str], is_new: bool) -> dict[str, str]:
    options: dict[str, Any] = {"OnStackFailure": "DELETE"} if is_new else {}
    created: dict[str, str] = cloudformation.create_change_set(
        StackName=name,
        ChangeSetName=f"deploy-{uuid4().hex[:12]}",
        ChangeSetType="CREATE" if is_new else "UPDATE",
        TemplateBody=template_body(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": "pipeline", "Value": name}],
        **options,
    )
    return created


def _when_ready(cloudformation: Any, change_set: str) -> dict[str, Any]:
    while True:
        described: dict[str, Any] = cloudformation.describe_change_set(ChangeSetName=change_set)
        if described["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            return described
        time.sleep(POLL_SECONDS)


def _changes(cloudformation: Any, change_set: str) -> list[Change]:
    pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
    return read_changes([each for page in pages for each in page["Changes"]])


def _discard(cloudformation: Any, name: str, change_set: str, is_new: bool) -> None:
    """Leave nothing of a change set that is not carried out, nor the empty stack that it is the only part of."""
    cloudformation.delete_change_set(ChangeSetName=change_set)
    if is_new:
        cloudformation.delete_stack(StackName=name)


def _told(cloudformation: Any, name: str, ended: FoundStack, before: str) -> str:
    """Why a change failed, and what is left, in a sentence."""
    failure = first_failure(cloudformation, ended.id, before)
    why = failure or ended.reason.rstrip(".") or "CloudFormation gives no reason"
    if ended.status == "UPDATE_ROLLBACK_COMPLETE":
        return f"stack {name} was not changed, since {why}; everything is as it was before"
    if ended.status in ("DELETE_COMPLETE", "ROLLBACK_COMPLETE"):
        return f"stack {name} was not created, since {why}; nothing of it is left"
    left = cloudformation.describe_stack_resources(StackName=ended.id)["StackResources"]
    names = [each["LogicalResourceId"] for each in left if each["ResourceStatus"] != "DELETE_COMPLETE"]
    return (
        f"stack {name} is {ended.status}, since {why}; {', '.join(names) or 'nothing'} is left of it, which "
        "`make delete-stack` removes"
    )

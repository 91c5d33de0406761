"""Follow what CloudFormation does with a stack, until it rests, and say what failed first."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from pipelines.stack.found import FoundStack, find_stack

POLL_SECONDS = 2.0
CANCELLED = "cancelled"
"""In the reason of a resource that failed only because another one did."""


@dataclass(frozen=True)
class Failure:
    """A resource that failed.

    Attributes:
        name: of the resource in the template.
        kind: its type.
        reason: the service's words.
    """

    name: str
    kind: str
    reason: str

    def __str__(self) -> str:
        """The failure as part of a sentence."""
        return f"{self.name} ({self.kind}) failed: {self.reason.rstrip('.')}"


def latest_event(cloudformation: Any, stack: str) -> str:
    """Id of the newest event of a stack; empty where there is none."""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return events[0]["EventId"] if events else ""


def follow(cloudformation: Any, stack: str, after: str, console: Console) -> FoundStack:
    """Wait until a stack rests, and show meanwhile what is being made.

    Args:
        cloudformation: the client.
        stack: the stack's ARN.
        after: id of the event before the first that matters.
        console: where to show it.
    """
    with console.status("waiting for CloudFormation") as status:
        while True:
            found = find_stack(cloudformation, stack)
            if found is None:
                return FoundStack(stack, "DELETE_COMPLETE", "", {}, {})
            if not found.under_way:
                return found
            status.update(_words(list(events_after(cloudformation, stack, after))))
            time.sleep(POLL_SECONDS)


def first_failure(cloudformation: Any, stack: str, after: str) -> Failure | None:
    """The resource that failed first after an event, which is why others did; None where none did."""
    failed = [
        Failure(event["LogicalResourceId"], event["ResourceType"], event.get("ResourceStatusReason", "unknown"))
        for event in events_after(cloudformation, stack, after)
        if event["ResourceStatus"].endswith("_FAILED") and event.get("PhysicalResourceId") != stack
    ]
    own = [failure for failure in failed if CANCELLED not in failure.reason.lower()]
    return next(iter((*reversed(own), *reversed(failed))), None)


def events_after(cloudformation: Any, stack: str, after: str) -> Iterator[dict[str, Any]]:
    """The events of a stack since one of them, newest first."""
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
        for event in page["StackEvents"]:
            if event["EventId"] == after:
                return
            yield event


def _words(events: list[dict[str, Any]]) -> str:
    latest: dict[str, str] = {}
    for event in reversed(events):
        latest[event["LogicalResourceId"]] = event["ResourceStatus"]
    busy = [name for name, status in latest.items() if status.endswith("_IN_PROGRESS")]
    done = sum(status.endswith("_COMPLETE") for status in latest.values())
    return f"{done} done, at work on {', '.join(busy[-3:]) or 'the rest'}"

"""An event as EventBridge carries it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from pipelines.local.announcements import Announcement
from pipelines.local.aws import ACCOUNT, REGION, Json, iso_time, now

_TRANSFORM = "SageMaker Transform Job State Change"


def make_event(
    source: str, detail_type: str, detail: Json, resources: Sequence[str], time: float | None = None
) -> Json:
    """An event of this account and region.

    Args:
        source: such as `aws.sagemaker`.
        detail_type: such as `SageMaker Training Job State Change`.
        detail: what happened.
        resources: the ARNs that it is about.
        time: when it happened, in epoch seconds; now where it is not given.
    """
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": iso_time(now() if time is None else time),
        "region": REGION,
        "resources": list(resources),
        "detail": detail,
    }


def announced(announcement: Announcement) -> Json:
    """The event of an announcement; its detail is a copy, so that what goes on afterwards cannot change it.

    AWS's own examples ("Events that Amazon SageMaker AI sends to Amazon EventBridge") show times in milliseconds, those
    of transform jobs in ISO 8601.
    """
    arn = announcement.arn
    pipeline = arn.partition("/execution/")[0]
    resources = [arn] if pipeline == arn else [pipeline, arn]  # AWS names the pipeline beside its execution
    form = iso_time if announcement.detail_type == _TRANSFORM else _milliseconds
    detail = _with_times(json.loads(json.dumps(announcement.detail, default=str)), form)
    return make_event("aws.sagemaker", announcement.detail_type, detail, resources)


def _milliseconds(epoch_seconds: float) -> int:
    return round(epoch_seconds * 1000)


def _with_times(value: Any, form: Callable[[float], int | str], field: str = "") -> Any:
    """A copy in which every time, a number in a field such as `CreationTime` or `Timestamp`, has another form."""
    if isinstance(value, dict):
        return {name: _with_times(each, form, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_times(each, form) for each in value]
    is_time = isinstance(value, int | float) and field.endswith(("Time", "Timestamp"))
    return form(value) if is_time else value

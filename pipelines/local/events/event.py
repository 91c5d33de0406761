"""An event as EventBridge carries it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from pipelines.local.announcements import Announcement
from pipelines.local.aws import ACCOUNT, REGION, Json, now


def iso_time(epoch_seconds: float) -> str:
    """EventBridge's form of a time, in whole seconds: `2026-03-01T12:00:00Z`."""
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
    """The event of an announcement; its detail is a copy, so that what goes on afterwards cannot change it."""
    arn = announcement.arn
    pipeline = arn.partition("/execution/")[0]
    resources = [arn] if pipeline == arn else [pipeline, arn]  # AWS names the pipeline beside its execution
    detail = json.loads(json.dumps(announcement.detail, default=str))
    return make_event("aws.sagemaker", announcement.detail_type, detail, resources)

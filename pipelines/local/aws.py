"""AWS's names and habits that every part shares: errors with codes, ARNs, clocks, pages of a list."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

ACCOUNT = "123456789012"  # moto's account
REGION = "us-east-1"

# What a request or an answer is once its JSON has been read.
Json = dict[str, Any]
Action = Callable[[Json], Json]

_LARGEST_PAGE = 100  # the MaxResults of SageMaker's list calls


class ApiError(Exception):
    """A call that AWS would refuse.

    Attributes:
        code: AWS's error code, which clients find in `ClientError.response["Error"]["Code"]`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotOursError(Exception):
    """A call about something that moto keeps; the gateway passes it on."""


def invalid(message: str) -> ApiError:
    """The error of a request that is wrong in itself."""
    return ApiError("ValidationException", message)


def not_found(message: str) -> ApiError:
    """The error of a request that names something which does not exist."""
    return ApiError("ResourceNotFound", message)


def in_use(message: str) -> ApiError:
    """The error of a request for a name that is taken."""
    return ApiError("ResourceInUse", message)


def limit_exceeded(message: str) -> ApiError:
    """The error of a request for more than there is."""
    return ApiError("ResourceLimitExceeded", message)


def arn(resource: str) -> str:
    """The ARN of a SageMaker resource such as `training-job/my-job`."""
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{resource}"


def now() -> float:
    """Seconds since the epoch: the form of a timestamp in AWS's JSON protocol."""
    return round(time.time(), 3)


def iso_time(epoch_seconds: float) -> str:
    """The form of a time in events and captured data, in whole seconds: `2026-03-01T12:00:00Z`."""
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def present(fields: Json) -> Json:
    """Those of `fields` that have a value."""
    return {key: value for key, value in fields.items() if value is not None}


def shorten(text: str, limit: int) -> str:
    """Cut `text` to at most `limit` characters, saying so with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def page(items: Sequence[Json], request: Json, key: str) -> Json:
    """One page of a list call: the items under `key`, and a NextToken where more follow.

    Raises:
        ApiError: the NextToken was not given out by a call before.
    """
    token = request.get("NextToken", "0")
    if not token.isascii() or not token.isdigit() or len(token) > 9:
        raise invalid(f"The NextToken '{shorten(token, 40)}' is not one that this service gave out.")
    start = int(token)
    end = start + min(request.get("MaxResults", _LARGEST_PAGE), _LARGEST_PAGE)
    answer: Json = {key: list(items[start:end])}
    if end < len(items):
        answer["NextToken"] = str(end)
    return answer


def select(
    items: Sequence[Json],
    request: Json,
    *,
    name: str,
    status: str | None = None,
    created: str = "CreationTime",
) -> list[Json]:
    """Filter and sort summaries as SageMaker's list calls do: newest first unless asked otherwise.

    Args:
        items: summaries, the oldest first, each with its times as epoch seconds.
        request: the list call's input.
        name: the summary's field that holds its name.
        status: the summary's field that holds its status, where the call can ask for one.
        created: the summary's field that holds its creation time.
    """
    contains = request.get("NameContains", "")
    prefix = request.get("PipelineNamePrefix", "")
    after = request.get("CreationTimeAfter", request.get("CreatedAfter", 0))
    before = request.get("CreationTimeBefore", request.get("CreatedBefore", float("inf")))
    modified_after = request.get("LastModifiedTimeAfter", 0)
    modified_before = request.get("LastModifiedTimeBefore", float("inf"))
    wanted = request.get("StatusEquals")
    kept = [
        item
        for item in items
        if contains.lower() in item[name].lower()
        and item[name].startswith(prefix)
        and after <= item[created] <= before
        and modified_after <= item.get("LastModifiedTime", item[created]) <= modified_before
        and (status is None or wanted is None or item[status] == wanted)
    ]
    by = request.get("SortBy", created)
    field = {"Name": name, "Status": status or name, "PipelineExecutionArn": name}.get(by, created)
    kept.sort(key=lambda item: item[field])
    if request.get("SortOrder", "Descending") == "Descending":
        kept.reverse()  # not by `reverse=True`, which would leave those of the same moment the oldest first
    return kept

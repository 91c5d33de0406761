"""Retry policies: which errors of a step are worth another attempt, and when."""

from __future__ import annotations

import time
from collections import Counter

from botocore.exceptions import ClientError

from pipelines.local.aws import ApiError
from pipelines.local.definitions.definition import Step
from pipelines.local.definitions.policies import MOST_ATTEMPTS, ExceptionType, RetryPolicy
from pipelines.local.executions.turns import StepFailed

_SHORTEST_PAUSE_SECONDS = 0.1  # so that a policy without an interval does not keep a core busy
_LONGEST_PAUSE_SECONDS = 10 * 86_400  # what an ExpireAfterMin can be at most
_SERVER_ERRORS = 500  # HTTP statuses from here on
_CODES: dict[str, ExceptionType] = {
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
    "ThrottlingException": "Step.THROTTLING",
    "Throttling": "Step.THROTTLING",
    "TooManyRequestsException": "Step.THROTTLING",
    "InternalFailure": "Step.SERVICE_FAULT",
    "ServiceUnavailable": "Step.SERVICE_FAULT",
}
# How the FailureReason of a job begins.
_REASONS: dict[str, ExceptionType] = {
    "InternalServerError": "SageMaker.JOB_INTERNAL_ERROR",
    "CapacityError": "SageMaker.CAPACITY_ERROR",
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
}
_RETRIES_WITHIN = ("Tuning",)  # whose jobs see to internal errors themselves


def exception_type(error: Exception, step_type: str) -> ExceptionType | None:
    """What retry policies call an error; None for one that no policy is about, such as an algorithm's.

    Args:
        error: what ended the attempt: StepFailed, or an unforeseen error of the server.
        step_type: of the step.
    """
    if not isinstance(error, StepFailed):
        return "Step.SERVICE_FAULT"
    cause = error.__cause__
    if isinstance(cause, ClientError):
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        fault: ExceptionType | None = "Step.SERVICE_FAULT" if status >= _SERVER_ERRORS else None
        return _CODES.get(cause.response["Error"]["Code"], fault)
    if isinstance(cause, ApiError):
        return _CODES.get(cause.code)
    found = _REASONS.get(str(error).split(":")[0])
    return None if found == "SageMaker.JOB_INTERNAL_ERROR" and step_type in _RETRIES_WITHIN else found


class Retries:
    """The attempts at one step, counted for each of its policies."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._used: Counter[int] = Counter()
        self._started = time.monotonic()

    def pause_seconds(self, error: Exception) -> float | None:
        """How long to wait before the next attempt; None where there is to be none."""
        kind = exception_type(error, self._step.type)
        for number, policy in enumerate(self._step.retry_policies):
            if kind in policy.exception_types:
                pause = policy.interval_seconds * policy.backoff_rate ** self._used[number]
                bounded = min(max(pause, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
                self._used[number] += 1
                return bounded if self._allows(policy, self._used[number], bounded) else None
        return None

    def _allows(self, policy: RetryPolicy, attempt: int, pause: float) -> bool:
        if policy.expire_after_minutes is not None:
            return time.monotonic() - self._started + pause <= policy.expire_after_minutes * 60
        return attempt <= (policy.max_attempts or MOST_ATTEMPTS)

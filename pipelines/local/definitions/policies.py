"""What a step says of its repetition: how long its result may be reused, and which errors have it tried again."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

ExceptionType = Literal[
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
]

# The steps that AWS's guide "Retry Policy for Pipeline Steps" and the SageMaker SDK give retry policies.
RETRYABLE = frozenset(
    {"Processing", "Training", "Tuning", "Transform", "Model", "RegisterModel", "EndpointConfig", "Endpoint"}
)

MOST_ATTEMPTS = 20  # further attempts at a step; the bound of the SageMaker SDK
_LONGEST_RETRY_MINUTES = 14_400  # likewise: ten days

_DAY_SECONDS = 86_400
_UNITS_SECONDS = {
    "years": 365 * _DAY_SECONDS,
    "months": 30 * _DAY_SECONDS,
    "weeks": 7 * _DAY_SECONDS,
    "days": _DAY_SECONDS,
    "hours": 3600,
    "minutes": 60,
    "seconds": 1,
}
# ISO 8601, and without its P as AWS's guide "Turn on step caching" writes it: "30d", "T16m", "30dT5h".
_DURATION = re.compile(
    r"P?(?:(?P<years>\d{1,9})Y)?(?:(?P<months>\d{1,9})M)?(?:(?P<weeks>\d{1,9})W)?(?:(?P<days>\d{1,9})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9})S)?)?",
    re.IGNORECASE,
)


def duration_seconds(text: str) -> int:
    """The length of a duration such as `P30D` or `PT1H30M`; a year counts 365 days and a month 30.

    Raises:
        ValueError: it is not a duration.
    """
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ValueError(f"'{text}' is not an ISO 8601 duration such as P30D or PT1H30M")
    return sum(int(found[unit]) * seconds for unit, seconds in _UNITS_SECONDS.items() if found[unit])


def _check_duration(text: str) -> str:
    duration_seconds(text)
    return text


class CacheConfig(BaseModel):
    """Whether and how long the result of an earlier run of the step may be used in the place of a new one."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    enabled: bool = Field(alias="Enabled")
    expire_after: Annotated[str, AfterValidator(_check_duration)] | None = Field(None, alias="ExpireAfter")

    @model_validator(mode="after")
    def _needs_a_limit(self) -> Self:
        if self.enabled and self.expire_after is None:
            raise ValueError("a cache that is Enabled needs an ExpireAfter, such as P30D")
        return self

    @property
    def expires_seconds(self) -> int:
        """The age in seconds up to which a result is used; 0 where the cache is off."""
        return duration_seconds(self.expire_after) if self.enabled and self.expire_after else 0


class RetryPolicy(BaseModel):
    """After which errors a step is tried again, and when: the bounds are those of the SageMaker SDK."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    exception_types: list[ExceptionType] = Field(alias="ExceptionType", min_length=1)
    interval_seconds: int = Field(1, alias="IntervalSeconds", ge=0, le=99_999_999)
    backoff_rate: float = Field(2.0, alias="BackoffRate", ge=0, le=1000)  # so that its powers remain numbers
    max_attempts: int | None = Field(None, alias="MaxAttempts", ge=1, le=MOST_ATTEMPTS)
    expire_after_minutes: int | None = Field(None, alias="ExpireAfterMin", ge=1, le=_LONGEST_RETRY_MINUTES)

    @model_validator(mode="after")
    def _has_one_limit(self) -> Self:
        if self.max_attempts is not None and self.expire_after_minutes is not None:
            raise ValueError("only one of MaxAttempts and ExpireAfterMin can be given")
        return self

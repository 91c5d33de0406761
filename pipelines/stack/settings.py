"""What a preset may say about its stack, and about the network that the stack may make."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pipelines.section import Section


class NetworkConfig(Section):
    """The network that jobs run in; without it they run in SageMaker's own."""

    subnets: tuple[str, ...] = Field((), description="subnets, by id; from the stack where it makes a network")
    security_groups: tuple[str, ...] = Field((), description="security groups, by id; likewise")

    @model_validator(mode="after")
    def _has_both_or_neither(self) -> Self:
        if bool(self.subnets) != bool(self.security_groups):
            raise ValueError("subnets and security_groups belong together: give both or neither")
        return self


class StackConfig(Section):
    """What `deploy-stack` puts around the pipeline."""

    alarm_email: str = Field(
        "", pattern=r"^([^@\s]+@[^@\s]+)?$", description="address that alarms are sent to; empty: none"
    )
    monthly_budget_usd: int = Field(
        0, ge=0, description="cost of SageMaker in this account and month above which somebody is told, USD; 0: none"
    )
    vpc: bool = Field(False, description="jobs run in private subnets of their own, which reach S3 and SageMaker alone")
    api: Literal["none", "iam", "key"] = Field(
        "none",
        description="an HTTP API that photos are posted to: none, for callers whom IAM knows, or for who has the key",
    )
    api_requests_per_second: int = Field(5, ge=1, le=10_000, description="requests a second that it lets through")
    source_buckets: tuple[str, ...] = Field(
        (), description="buckets that jobs may read, beside the pipeline's own and those that the preset names"
    )
    days_of_temporaries: int = Field(
        30, ge=1, description="days that checkpoints, captured requests and overwritten objects are kept"
    )

"""What can be set of the survey step."""

from pydantic import Field, field_validator

from steps.contract import StepSettings


class SurveySettings(StepSettings):
    """How an audit's bins are looked up."""

    concurrency: int = Field(64, ge=1, le=1024, description="files read from S3 at the same time")
    largest_photo_mb: int = Field(
        6, ge=1, le=25, description="larger photos are quarantined; what the transform job may send, MB of 2**20 bytes"
    )


class SurveyArguments(SurveySettings):
    """What the container is told: the settings, and what the audit is about."""

    source: str = Field(pattern=r"^s3://.+", description="where bin-images/ and metadata/ lie")
    group: str = Field(description="model package group whose latest approved model counts")

    @field_validator("source")
    @classmethod
    def _without_last_slash(cls, source: str) -> str:
        return source.rstrip("/")

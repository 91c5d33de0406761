"""What can be set of the audit step."""

from pydantic import Field, model_validator

from steps.contract import StepSettings
from steps.verdict import MATCH_FROM, MISMATCH_BELOW


class AuditSettings(StepSettings):
    """When a record is doubted, and how much of that is shown."""

    mismatch_below: float = Field(
        MISMATCH_BELOW, ge=0, le=1, description="a probability of the recorded quantity below this is a mismatch"
    )
    match_from: float = Field(
        MATCH_FROM, ge=0, le=1, description="one of at least this is a match; between them it is unsure"
    )
    gallery: int = Field(60, ge=0, le=1000, description="bins in each gallery of the page; audit.parquet holds all")

    @model_validator(mode="after")
    def _one_verdict_each(self) -> "AuditSettings":
        if self.mismatch_below > self.match_from:
            raise ValueError("mismatch_below is above match_from: a bin would be both a match and a mismatch")
        return self

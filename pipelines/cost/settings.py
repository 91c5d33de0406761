"""What a preset may say about its costs: what cannot be read off its definition."""

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat


class CostSettings(BaseModel):
    """What the estimate of costs assumes, until an execution has shown better."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minutes: dict[str, PositiveFloat] = Field(
        default_factory=dict,
        description="expected minutes of each step's job, of Tune of one trial, by the step's name",
    )
    spot_saving: float = Field(
        0.6,
        ge=0,
        lt=1,
        description="share of the price that spot instances save; AWS says up to 0.9, accounts tell of 0.59 to 0.7",
    )
    stored_gb: float = Field(0, ge=0, description="what the bucket holds in the long run, GB")
    requests_per_month: int = Field(0, ge=0, description="requests that the endpoint answers in a month")
    seconds_per_request: float = Field(0.2, gt=0, description="that a serverless endpoint computes for one of them")

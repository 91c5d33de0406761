"""What can be set of the quality gate."""

from pydantic import Field

from steps.contract import StepSettings


class GateSettings(StepSettings):
    """What a model must reach on the test split to be registered; all that is asked is needed."""

    minimum_accuracy: float = Field(
        0.5567,
        ge=0,
        le=1,
        description="share of right answers; by default what the ABID challenge published for counts",
    )
    maximum_rmse: float | None = Field(
        None, ge=0, description="root mean squared error, items; for counts only, and not asked for when left out"
    )
    not_worse_than_champion: bool = Field(
        False, description="also ask that the model is not worse than the latest approved one, as [evaluate] defines it"
    )

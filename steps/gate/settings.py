"""What can be set of the quality gate."""

from pydantic import Field

from steps.contract import StepSettings


class GateSettings(StepSettings):
    """What a model must reach on the test split to be registered; both are needed.

    The defaults are what the ABID challenge published for ResNet-34 on the whole dataset, counts 0 to 5.
    """

    minimum_accuracy: float = Field(0.5567, ge=0, le=1, description="share of images counted exactly right")
    maximum_rmse: float = Field(0.93, ge=0, description="root mean squared error, items")

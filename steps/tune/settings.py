"""What can be set of the tune step: what is searched, how long, and by which figure."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from steps.contract import StepSettings

RANGES = ("learning_rate", "weight_decay", "label_softness", "batch_size", "epochs")
"""Settings of the train step that can be searched."""


def _rising(ends: tuple[float, float]) -> tuple[float, float]:
    if not ends[0] < ends[1]:
        raise ValueError("give the lower end first, then a greater one")
    return ends


FloatRange = Annotated[tuple[float, float], AfterValidator(_rising)]
PositiveRange = Annotated[tuple[Annotated[float, Field(gt=0)], float], AfterValidator(_rising)]
IntegerRange = Annotated[tuple[int, int], AfterValidator(_rising)]


class TuneSettings(StepSettings):
    """The search for the best hyperparameters; those without a range stay as the train step has them."""

    jobs: int = Field(9, ge=1, le=750, description="trainings that are tried")
    parallel_jobs: int = Field(3, ge=1, le=100, description="of them at the same time; each starts wiser with fewer")
    objective: Literal["validation:rmse", "validation:accuracy"] = Field(
        "validation:rmse", description="figure of the last epoch to minimise (RMSE, items) or maximise (accuracy)"
    )
    early_stopping: bool = Field(
        True, description="stop a trial that is worse than the median of the earlier ones' running averages"
    )
    seed: int = Field(0, ge=0, lt=2**31, description="decides the values that are tried first")
    trial_epochs: int | None = Field(
        None, ge=1, le=1000, description="epochs of a trial, where fewer than the final training's tell the better one"
    )

    learning_rate: PositiveRange | None = Field(None, description="lowest and highest, on a logarithmic scale")
    weight_decay: PositiveRange | None = Field(None, description="lowest and highest, on a logarithmic scale")
    label_softness: FloatRange | None = Field(None, description="lowest and highest, items")
    batch_size: tuple[int, ...] | None = Field(None, min_length=2, max_length=30, description="sizes to choose among")
    epochs: IntegerRange | None = Field(None, description="fewest and most")

    @property
    def tuned(self) -> tuple[str, ...]:
        """Names of the hyperparameters that are searched."""
        return tuple(name for name in RANGES if getattr(self, name) is not None)

    @property
    def maximize(self) -> bool:
        """Whether a greater objective is better."""
        return self.objective == "validation:accuracy"

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.tuned:
            raise ValueError(f"nothing is searched: give at least one of {', '.join(RANGES)} a range")
        if self.epochs is not None and self.trial_epochs is not None:
            raise ValueError("epochs are searched and set by trial_epochs: leave one of them out")
        if self.parallel_jobs > self.jobs:
            raise ValueError(f"parallel_jobs is {self.parallel_jobs}, more than the {self.jobs} jobs")
        return self

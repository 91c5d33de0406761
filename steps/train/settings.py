"""What can be set of the train step, and what it reports."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from steps.contract import StepSettings

Architecture = Literal["resnet18", "resnet34", "resnet50"]

METRICS = (
    "train:loss",
    "train:accuracy",
    "train:rmse",
    "train:images_per_second",
    "validation:loss",
    "validation:accuracy",
    "validation:rmse",
)
"""Names of the figures printed after each epoch, as `name=value;`."""


RuleName = Literal[
    "exploding_gradients",
    "vanishing_gradients",
    "loss_not_decreasing",
    "poor_initialisation",
    "dead_units",
    "overfitting",
    "starved_device",
    "overtraining",
]
"""Rules that watch training, see `steps/train/diagnostics/rules.py`."""


def split_names(value: object) -> object:
    """The names in a text like `a, b`, as a hyperparameter holds them; anything else as it is."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


RuleNames = Annotated[
    tuple[RuleName, ...], BeforeValidator(split_names), PlainSerializer(",".join, return_type=str, when_used="json")
]


class TrainSettings(StepSettings):
    """The network and how it learns."""

    architecture: Architecture = Field("resnet34", description="network by its torchvision name, from random weights")
    epochs: int = Field(20, ge=1, le=1000, description="passes over the training images")
    batch_size: int = Field(64, ge=2, le=4096, description="images per step")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="AdamW's highest rate, reached after the warm-up")
    weight_decay: float = Field(0.05, ge=0, le=1, description="AdamW's decoupled weight decay")
    seed: int = Field(0, ge=0, lt=2**32, description="decides initial weights, order of images and augmentation")

    # Diagnostics.
    stop_on: RuleNames = Field(
        (), description="rules whose finding ends the job, by name; as a hyperparameter a list with commas"
    )

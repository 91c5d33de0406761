"""What can be set of the train step, and what it reports."""

from typing import Literal, Self

from pydantic import Field, model_validator

from steps.contract import StepSettings
from steps.train.diagnostics.names import RuleNames

Architecture = Literal[
    "baseline",
    "resnet18",
    "resnet34",
    "resnet50",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "efficientnet_b0",
    "efficientnet_b2",
    "efficientnet_v2_s",
    "convnext_tiny",
    "regnet_y_400mf",
]
"""A small network of our own, and torchvision's by their names there."""

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


class TrainSettings(StepSettings):
    """The network and how it learns. A strength of 0 switches an ingredient off."""

    # The network, and how it answers.
    architecture: Architecture = Field("resnet34", description="baseline, a small network, or torchvision's by name")
    trainable: Literal["all", "head"] = Field(
        "all", description="head: only the last layer learns, on top of initial weights, which it needs"
    )
    objective: Literal["accuracy", "rmse"] = Field(
        "accuracy",
        description="what the decision rule is chosen for: accuracy answers the likeliest class; rmse, for counts, the "
        "likeliest, the median or the rounded mean, whichever errs least on the validation images",
    )
    mirrored_answers: bool = Field(True, description="the model answers for an image and its mirror image together")

    precision: Literal["float32", "int8"] = Field(
        "float32",
        description="what the endpoint computes in; int8, which is three to four times as fast and a quarter as large, "
        "is taken only where it costs next to no accuracy on the validation images",
    )
    largest_int8_loss: float = Field(
        0.003, ge=0, le=1, description="accuracy that int8 may cost, as a fraction of the validation images"
    )

    # The length of the run.
    epochs: int = Field(20, ge=1, le=1000, description="passes over the training images")
    batch_size: int = Field(64, ge=2, le=4096, description="images that go through the network at once")
    accumulate: int = Field(1, ge=1, le=256, description="batches whose gradients make one step of the optimiser")
    patience: int = Field(
        0,
        ge=0,
        le=1000,
        description="epochs without improvement of the objective after which the best weights are taken",
    )
    seed: int = Field(0, ge=0, lt=2**32, description="decides initial weights, order of images and augmentation")

    stop_on: RuleNames = Field(
        (), description="diagnostic rules whose finding ends the job, by name; as a hyperparameter a list with commas"
    )

    # How the weights change.
    optimizer: Literal["adamw", "sgd", "adam"] = Field(
        "adamw", description="AdamW; SGD with Nesterov momentum 0.9; or Adam, whose decay is part of the gradient"
    )
    learning_rate: float = Field(1e-3, gt=0, le=1, description="highest rate")
    schedule: Literal["cosine", "constant"] = Field("cosine", description="how the rate goes on after the warm-up")
    warm_up: float = Field(0.1, ge=0, le=0.9, description="share of the steps in which the rate rises from nearly 0")
    weight_decay: float = Field(0.05, ge=0, le=1, description="pull towards zero, on all weights but norms and biases")
    gradient_clip: float = Field(0.0, ge=0, le=1e6, description="largest norm of all gradients together")
    averaging: float = Field(
        0.05, ge=0, le=1, description="length of the running average of weights, the result, as a share of all steps"
    )

    # What is asked of the network.
    label_softness: float = Field(
        0.5, ge=0, le=10, description="for counts, standard deviation in items of the target around the label"
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the target spread over all classes alike")
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: the images of each class together weigh the same in the loss"
    )
    sampler: Literal["shuffle", "balanced"] = Field(
        "shuffle", description="shuffle: each image once an epoch; balanced: drawn so that classes are equally frequent"
    )

    # Random changes to the training images.
    mixup: float = Field(
        0.0, ge=0, le=10, description="alpha of the Beta distribution that decides how far pairs of images are blended"
    )
    flip_horizontal: float = Field(0.5, ge=0, le=1, description="probability of mirroring left to right")
    flip_vertical: float = Field(0.0, ge=0, le=1, description="probability of mirroring top to bottom")
    rotation: float = Field(10.0, ge=0, le=180, description="largest angle, degrees")
    zoom: float = Field(0.15, ge=0, le=0.9, description="largest change of scale, as a share")
    shift: float = Field(0.05, ge=0, le=0.5, description="largest shift in each direction, as a share of the side")
    brightness: float = Field(0.2, ge=0, le=1, description="largest change of brightness, as a share")
    contrast: float = Field(0.2, ge=0, le=1, description="largest change of contrast, as a share")

    @model_validator(mode="after")
    def _balance_once(self) -> Self:
        if self.class_weights == "balanced" and self.sampler == "balanced":
            raise ValueError(
                "class_weights and sampler are both balanced, which weighs rare classes twice: set one of them to "
                "'none' or 'shuffle'"
            )
        return self

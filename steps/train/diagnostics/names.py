"""The names of the rules, as settings give them."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer

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


def split_names(value: object) -> object:
    """The names in a text like `a, b`, as a hyperparameter holds them; anything else as it is."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


RuleNames = Annotated[
    tuple[RuleName, ...], BeforeValidator(split_names), PlainSerializer(",".join, return_type=str, when_used="json")
]
"""Names of rules; in JSON, and so as a hyperparameter, one text with commas."""

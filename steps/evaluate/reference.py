"""Published figures that a counter of warehouse bins is compared with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """What somebody else's model reached on the same classes.

    Attributes:
        name: who, on what.
        classes: the class names the figures are for.
        accuracy: share of right answers, 0 to 1.
        rmse: root mean squared error, items.
        per_class: accuracy of each class, 0 to 1, in class order.
    """

    name: str
    classes: tuple[str, ...]
    accuracy: float
    rmse: float
    per_class: tuple[float, ...]


# Source: README of silverbottlep/abid_challenge, section 4.3: ResNet-34 on its validation split, counts 0 to 5.
ABID_CHALLENGE = Reference(
    name="ABID challenge, as published (ResNet-34, Amazon's own photos)",
    classes=("0", "1", "2", "3", "4", "5"),
    accuracy=0.5567,
    rmse=0.930,
    per_class=(0.977, 0.834, 0.672, 0.549, 0.426, 0.449),
)


def reference_for(classes: tuple[str, ...]) -> Reference | None:
    """The published figures for these classes, if there are any."""
    return ABID_CHALLENGE if classes == ABID_CHALLENGE.classes else None

"""Published figures that a counter of warehouse bins is compared with; all are on other test sets than ours."""

from dataclasses import dataclass

ZERO_TO_FIVE = ("0", "1", "2", "3", "4", "5")
ONE_TO_FIVE = ("1", "2", "3", "4", "5")


@dataclass(frozen=True)
class Reference:
    """What somebody else's model reached on the same classes; None where they do not say.

    Attributes:
        name: who, on what.
        classes: the class names the figures are for.
        accuracy: share of right answers, 0 to 1; the upper end when a range is given.
        accuracy_from: the lower end of the range.
        rmse: root mean squared error, items.
        per_class: accuracy of each class, 0 to 1, in class order.
    """

    name: str
    classes: tuple[str, ...]
    accuracy: float | None = None
    accuracy_from: float | None = None
    rmse: float | None = None
    per_class: tuple[float, ...] | None = None


REFERENCES = (
    # README of silverbottlep/abid_challenge, section 4.3: its validation split.
    Reference(
        name="ABID challenge: ResNet-34, trained on the whole dataset",
        classes=ZERO_TO_FIVE,
        accuracy=0.5567,
        rmse=0.930,
        per_class=(0.977, 0.834, 0.672, 0.549, 0.426, 0.449),
    ),
    # A public training log on the whole dataset; its best accuracy and its best RMSE are of two runs.
    Reference(name="Best public run on the whole dataset", classes=ZERO_TO_FIVE, accuracy=0.5671, rmse=0.896),
    Reference(name="Best public run for RMSE: soft labels by distance", classes=ZERO_TO_FIVE, rmse=0.848),
    # Reports of Udacity's capstone "Inventory Monitoring at Distribution Centers", on its 10,441 photos.
    Reference(
        name="Capstone reports on 10,441 photos, typical", classes=ONE_TO_FIVE, accuracy=0.36, accuracy_from=0.31
    ),
    Reference(name="Capstone reports on 10,441 photos, best claimed", classes=ONE_TO_FIVE, accuracy=0.395),
)


def references_for(classes: tuple[str, ...]) -> list[Reference]:
    """The published figures for these classes, if there are any."""
    return [reference for reference in REFERENCES if reference.classes == classes]

"""All rules, in the order in which a report tells what they found."""

from steps.train.diagnostics.device_rules import StarvedDevice
from steps.train.diagnostics.finding import Rule
from steps.train.diagnostics.gradient_rules import ExplodingGradients, VanishingGradients
from steps.train.diagnostics.loss_rules import LossNotDecreasing, Overfitting, Overtraining
from steps.train.diagnostics.unit_rules import DeadUnits, PoorInitialisation

RULES: tuple[Rule, ...] = (
    ExplodingGradients(),
    VanishingGradients(),
    LossNotDecreasing(),
    PoorInitialisation(),
    DeadUnits(),
    Overfitting(),
    StarvedDevice(),
    Overtraining(),
)

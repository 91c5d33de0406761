"""The decision rule of a trained network, chosen on the validation images."""

from collections.abc import Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from steps.contract import StepError
from steps.counting import are_counts
from steps.decision import Decision, Rule
from steps.metrics import Labels, accuracy, rmse
from steps.train.answering.temperature import fit_temperature, negative_log_likelihood
from steps.train.progress import say
from steps.train.settings import TrainSettings


def check_objective(settings: TrainSettings, classes: Sequence[str]) -> None:
    """Refuse an objective that does not suit the classes.

    Raises:
        StepError: the objective is RMSE, but the classes are no counts.
    """
    if settings.objective == "rmse" and not are_counts(classes):
        raise StepError(
            f"objective is 'rmse', but the classes {', '.join(classes[:3])}, ... are no counts, so an answer is not so "
            "many items off: set objective to 'accuracy'"
        )


def fit_decision(
    logits: NDArray[np.float32],
    mirrored_logits: NDArray[np.float32] | None,
    labels: Labels,
    classes: Sequence[str],
    settings: TrainSettings,
) -> Decision:
    """Choose temperature and rule for the lowest error on the validation images, and write what they come to.

    Args:
        logits: float32 [N, C] of the images, N at least 1.
        mirrored_logits: float32 [N, C] of the mirrored images; None for a decision that does not look at them.
        labels: int64 [N].
        classes: names of the C classes.
        settings: `objective` decides the rule.

    Returns:
        A decision that is `mirrored` when `mirrored_logits` is given. For accuracy it answers the likeliest class, for
        RMSE whichever of the rules has the lowest.

    Raises:
        StepError: the objective does not suit the classes.
    """
    check_objective(settings, classes)
    views = [logits] if mirrored_logits is None else [logits, mirrored_logits]
    temperature = fit_temperature(views, labels)
    before, after = (negative_log_likelihood(views, labels, each) for each in (1.0, temperature))
    say(
        f"calibrated on {len(labels)} validation images: temperature {temperature:.3f} brings the negative "
        f"log-likelihood from {before:.4f} to {after:.4f}"
    )
    calibrated = Decision(temperature=temperature, mirrored=mirrored_logits is not None)
    if mirrored_logits is not None:
        _say_figures("one view, likeliest", Decision().decide(logits), labels, classes)
    rules: Sequence[Rule] = get_args(Rule) if are_counts(classes) else ("likeliest",)
    probabilities = calibrated.probabilities(logits, mirrored_logits)
    answers = {rule: calibrated.model_copy(update={"rule": rule}).decide(probabilities) for rule in rules}
    for rule, answered in answers.items():
        _say_figures(f"{'both views' if calibrated.mirrored else 'one view'}, {rule}", answered, labels, classes)
    chosen = min(rules, key=lambda rule: rmse(labels, answers[rule])) if settings.objective == "rmse" else "likeliest"
    say(f"the model answers the {chosen}, for the objective {settings.objective}")
    return calibrated.model_copy(update={"rule": chosen})


def _say_figures(what: str, answers: Labels, labels: Labels, classes: Sequence[str]) -> None:
    error = f", RMSE {rmse(labels, answers):.4f}" if are_counts(classes) else ""
    say(f"validation, {what}: accuracy {accuracy(labels, answers):.4f}{error}")

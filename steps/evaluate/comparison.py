"""Compare a model with the champion, image by image on the same test set."""

import logging

import numpy as np

from steps import metrics
from steps.contract import StepError
from steps.evaluate.artifact import fetched_model
from steps.evaluate.bootstrap import Values, interval
from steps.evaluate.results import Champion, Difference
from steps.evaluate.settings import EvaluateSettings
from steps.evaluate.summary import Scored
from steps.registry import ApprovedPackage
from steps.scoring import Answers, answer
from steps.shards import Dataset, Shards
from steps.signature import Signature, read_signature

logger = logging.getLogger(__name__)


def compare(settings: EvaluateSettings, scored: Scored, shards: Shards, package: ApprovedPackage | None) -> Champion:
    """Score the champion's package on the images of `shards` and compare; a champion that cannot be scored is said so.

    Args:
        settings: what loss is tolerated.
        scored: this model's answers.
        shards: the images they are to.
        package: the champion, if there is one.
    """
    if package is None:
        return _no_figures(None, 1.0, "there is no approved model to compare it with yet")
    logger.info("scoring the latest approved model, version %s", package.version)
    try:
        answers = _champion_answers(package, shards, settings.batch_size)
    except StepError as error:
        reason = f"it cannot be compared with the latest approved model, version {package.version}: {error}"
        logger.warning("%s", reason)
        return _no_figures(package, 0.0, reason)
    return _compared(settings, scored, answers, package)


def mismatch(signature: Signature, dataset: Dataset) -> str | None:
    """What a model with this signature was trained for that images of `dataset` are not, as a predicate."""
    for what, expected, found in (
        ("classes", signature.classes, dataset.classes),
        ("images", signature.preprocessing, dataset.preprocessing),
    ):
        if expected != found:
            return f"was trained for {what} of {_words(expected)}, but the test images have {_words(found)}"
    return None


def _champion_answers(package: ApprovedPackage, shards: Shards, batch_size: int) -> Answers:
    with fetched_model(package) as folder:
        signature = read_signature(folder)
        if difference := mismatch(signature, shards.dataset):
            raise StepError(f"that {difference}")
        return answer(folder, signature, shards, batch_size)


def _words(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _no_figures(package: ApprovedPackage | None, not_worse: float, statement: str) -> Champion:
    return Champion(
        package=package.arn if package else None,
        version=package.version if package else None,
        accuracy=None,
        rmse=None,
        accuracy_difference=None,
        rmse_difference=None,
        not_worse=not_worse,
        statement=statement,
    )


def _compared(settings: EvaluateSettings, scored: Scored, answers: Answers, package: ApprovedPackage) -> Champion:
    labels = scored.labels
    accuracy = _accuracy_difference(settings, scored, answers)
    rmse = _rmse_difference(settings, scored, answers) if scored.counts else None
    losses = [accuracy.worse_share, *([rmse.worse_share] if rmse else [])]
    not_worse = max(losses) <= settings.maximum_worse_share
    return Champion(
        package=package.arn,
        version=package.version,
        accuracy=metrics.accuracy(labels, answers.predictions),
        rmse=metrics.rmse(labels, answers.predictions) if scored.counts else None,
        accuracy_difference=accuracy,
        rmse_difference=rmse,
        not_worse=float(not_worse),
        statement=_statement(settings, package, accuracy, rmse, not_worse),
    )


def _accuracy_difference(settings: EvaluateSettings, scored: Scored, answers: Answers) -> Difference:
    ours, theirs = (given.predictions == scored.labels for given in (scored.answers, answers))
    gain = ours.astype(np.float64) - theirs
    (resampled,) = scored.bootstrap.means(gain)
    return _difference(float(gain.mean()), resampled, resampled < -settings.accuracy_tolerance, settings.level)


def _rmse_difference(settings: EvaluateSettings, scored: Scored, answers: Answers) -> Difference:
    ours, theirs = scored.squares, (scored.labels - answers.predictions) ** 2.0
    our_means, their_means = scored.bootstrap.means(ours, theirs)
    resampled = np.sqrt(our_means) - np.sqrt(their_means)
    value = float(np.sqrt(ours.mean()) - np.sqrt(theirs.mean()))
    return _difference(value, resampled, resampled > settings.rmse_tolerance, settings.level)


def _difference(value: float, resampled: Values, worse: np.ndarray, level: float) -> Difference:
    low, high = interval(resampled, level)
    return Difference(value=value, low=low, high=high, worse_share=float(worse.mean()))


def _statement(
    settings: EvaluateSettings, package: ApprovedPackage, accuracy: Difference, rmse: Difference | None, not_worse: bool
) -> str:
    text = (
        f"against the latest approved model, version {package.version}, its accuracy is {accuracy.value * 100:+.1f} "
        f"points ({settings.level:.0%} interval {accuracy.low * 100:+.1f} to {accuracy.high * 100:+.1f})"
    )
    if rmse:
        text += f" and its RMSE {rmse.value:+.3f} items ({rmse.low:+.3f} to {rmse.high:+.3f})"
    return f"{text}: {'not worse' if not_worse else 'worse'}"

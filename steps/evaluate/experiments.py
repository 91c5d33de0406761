"""Log an evaluation's figures to SageMaker Experiments, beside the training curves."""

import logging

from botocore.exceptions import BotoCoreError, ClientError

from steps.evaluate.results import Evaluation
from steps.registry import sagemaker_client

logger = logging.getLogger(__name__)

# SageMaker makes a trial component of this name for every processing job, and puts it into the execution's trial.
# Written with boto3: sagemaker-experiments 0.1.45, the last there is, imports pkg_resources, which setuptools dropped.
_COMPONENT = "{job}-aws-processing-job"


def log_figures(job: str, evaluation: Evaluation) -> None:
    """Write the figures as parameters of the job's trial component; failing to is said, and fails nothing.

    Args:
        job: name of the processing job.
        evaluation: the figures.
    """
    values = {name: {"NumberValue": value} for name, value in figures(evaluation).items()}
    try:
        sagemaker_client().update_trial_component(
            TrialComponentName=_COMPONENT.format(job=job),
            Parameters=values,  # type: ignore[arg-type]
        )
    except (ClientError, BotoCoreError) as error:
        if "Could not find trial component" in str(error):
            logger.info("the job has no trial component; its figures are in evaluation.json")
            return
        logger.warning("the figures were not logged to SageMaker Experiments: %s", error)


def figures(evaluation: Evaluation) -> dict[str, float]:
    """The figures that runs are compared by, by name; shares from 0 to 1, errors in items."""
    detail = evaluation.detail
    estimates = {"accuracy": detail.accuracy}
    for block in (detail.counting, detail.naming):
        if block:
            estimates |= dict(block)
    return {
        "test:images": float(detail.images),
        **{f"test:{name}": estimate.value for name, estimate in estimates.items()},
        "test:calibration_error": detail.calibration.error,
        "test:not_worse_than_champion": detail.champion.not_worse,
    }

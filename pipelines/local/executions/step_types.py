"""What each type of step does once it is its turn."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import ClientError

from pipelines.local.aws import ApiError
from pipelines.local.definitions.expressions import ExpressionError
from pipelines.local.executions.steps import flow, functions, hosting, jobs, registry
from pipelines.local.executions.turns import StepFailed, Turn

_TYPES: dict[str, Callable[[Turn], None]] = {
    "Processing": jobs.processing,
    "Training": jobs.training,
    "Transform": jobs.transform,
    "Tuning": jobs.tuning,
    "Lambda": functions.function,
    "Condition": flow.condition,
    "RegisterModel": registry.register_model,
    "Model": hosting.model,
    "EndpointConfig": hosting.endpoint_config,
    "Endpoint": hosting.endpoint,
    "Fail": flow.fail,
}


def take(turn: Turn) -> None:
    """Do what the step is for; its run then holds metadata, properties and outcome.

    Raises:
        StepFailed: with the reason in the words of whatever failed.
        StepStopped: the execution was stopped meanwhile.
    """
    try:
        _TYPES[turn.step.type](turn)
    except (ApiError, ExpressionError) as error:
        raise StepFailed(f"ClientError: {error}") from error
    except ClientError as error:
        raise StepFailed(f"ClientError: {error.response['Error']['Message']}") from error

"""Checks the experiment and the trial that a definition names for its executions."""

from __future__ import annotations

from pipelines.local.aws import invalid
from pipelines.local.definitions.definition import Definition
from pipelines.local.definitions.expressions import EXECUTION_VARIABLES, ExpressionError, is_expression, references

_FIELDS = {"ExperimentName", "TrialName"}


def check_experiment(definition: Definition) -> None:
    """Check that a PipelineExperimentConfig says nothing that is not known when an execution starts.

    Raises:
        ApiError: it has other fields, or refers to steps or to parameters that are not declared.
    """
    config = definition.experiment or {}
    unknown = config.keys() - _FIELDS
    if unknown:
        raise invalid(f"PipelineExperimentConfig has no fields {', '.join(sorted(unknown))}.")
    for field, value in config.items():
        if not isinstance(value, str) and not is_expression(value):
            raise invalid(f"{field} of the PipelineExperimentConfig must be a string or an expression.")
    known = {parameter.name for parameter in definition.parameters} | EXECUTION_VARIABLES
    try:
        for reference in references(config):
            if reference.kind not in ("parameter", "execution") or reference.name not in known:
                raise invalid(f"PipelineExperimentConfig refers to '{reference.name}', with which no execution starts.")
    except ExpressionError as error:
        raise invalid(f"In the PipelineExperimentConfig: {error}") from error

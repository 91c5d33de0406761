"""Declares the quality gate: a condition on accuracy and error, and what ends the execution when it is not met."""

from collections.abc import Sequence

from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo, ConditionLessThanOrEqualTo
from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join
from sagemaker.workflow.steps import Step


def quality_gate(
    accuracy: PipelineVariable,
    rmse: PipelineVariable,
    minimum_accuracy: PipelineVariable,
    maximum_rmse: PipelineVariable,
    passed: Sequence[Step],
) -> ConditionStep:
    """Run the steps `passed` when both thresholds are met; otherwise end the execution, with the figures, as Failed."""
    refused = FailStep(
        name="QualityTooLow",
        error_message=Join(
            on="",
            values=[
                "The model was not registered: on the test split its accuracy is ",
                accuracy,
                " (at least ",
                minimum_accuracy,
                " is required) and its RMSE is ",
                rmse,
                " items (at most ",
                maximum_rmse,
                " is allowed).",
            ],
        ),
    )
    return ConditionStep(
        name="QualityGate",
        conditions=[
            ConditionGreaterThanOrEqualTo(left=accuracy, right=minimum_accuracy),
            ConditionLessThanOrEqualTo(left=rmse, right=maximum_rmse),
        ],
        if_steps=list(passed),
        else_steps=[refused],
    )

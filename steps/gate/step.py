"""Declares the quality gate: conditions on the figures, and what ends the execution when one is not met."""

from collections.abc import Sequence
from dataclasses import dataclass

from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import Condition, ConditionGreaterThanOrEqualTo, ConditionLessThanOrEqualTo
from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join
from sagemaker.workflow.step_collections import StepCollection
from sagemaker.workflow.steps import Step


@dataclass(frozen=True)
class Requirement:
    """A condition, and the words that tell how it was met or missed.

    Attributes:
        condition: what must hold.
        words: text and pipeline variables, one clause.
    """

    condition: Condition
    words: tuple[str | PipelineVariable, ...]


def accurate_enough(accuracy: PipelineVariable, minimum: PipelineVariable) -> Requirement:
    """Require an accuracy, a share, of at least `minimum`."""
    return Requirement(
        ConditionGreaterThanOrEqualTo(left=accuracy, right=minimum),
        ("its accuracy is ", accuracy, " (at least ", minimum, " is required)"),
    )


def error_small_enough(rmse: PipelineVariable, maximum: PipelineVariable) -> Requirement:
    """Require an RMSE, in items, of at most `maximum`."""
    return Requirement(
        ConditionLessThanOrEqualTo(left=rmse, right=maximum),
        ("its RMSE is ", rmse, " items (at most ", maximum, " is allowed)"),
    )


def not_worse_than_champion(not_worse: PipelineVariable, statement: PipelineVariable) -> Requirement:
    """Require `not_worse` to be 1; `statement` says how the model stands, a clause."""
    return Requirement(
        ConditionGreaterThanOrEqualTo(left=not_worse, right=1.0),
        ("it must not be worse than the latest approved model: ", statement),
    )


def quality_gate(requirements: Sequence[Requirement], passed: Sequence[Step | StepCollection]) -> ConditionStep:
    """Run the steps `passed` if all requirements are met; otherwise end the execution as Failed, with the figures."""
    words: list[str | PipelineVariable] = ["The model was not registered"]
    for requirement in requirements:
        words += [": on the test split " if len(words) == 1 else "; ", *requirement.words]
    refused = FailStep(name="QualityTooLow", error_message=Join(on="", values=[*words, "."]))
    return ConditionStep(
        name="QualityGate",
        conditions=[requirement.condition for requirement in requirements],
        if_steps=list(passed),
        else_steps=[refused],
    )

"""Declares the evaluate step and names the figures that later steps decide on."""

from collections.abc import Mapping

from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.functions import JsonGet
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep

from steps.declaration import Machine, StepContext, processing_step, to_arguments
from steps.evaluate.settings import EvaluateSettings

FIGURES = PropertyFile(name="Evaluation", output_name="evaluation", path="evaluation.json")


def evaluate_step(
    context: StepContext,
    settings: EvaluateSettings,
    machine: Machine,
    inputs: Mapping[str, PipelineVariable],
    gate: Mapping[str, str | bool | PipelineVariable | None],
) -> ProcessingStep:
    """Score a model; the output is `evaluation`.

    The registry is looked into for the champion, so an earlier result is never reused: a model may have been approved.

    Args:
        context: the project's surroundings.
        settings: how to score.
        machine: what it runs on.
        inputs: S3 folders `model` (the artifact), `test` (shards) and `catalog`.
        gate: the further fields of `EvaluateArguments`.
    """
    return processing_step(
        context,
        "evaluate",
        machine,
        arguments=to_arguments(settings, **gate),
        inputs=inputs,
        outputs=["evaluation"],
        property_files=[FIGURES],
        cached=False,
    )


def measured_accuracy(step: ProcessingStep) -> JsonGet:
    """Share of test images counted right."""
    return _figure(step, "multiclass_classification_metrics.accuracy.value")


def measured_rmse(step: ProcessingStep) -> JsonGet:
    """Root mean squared error on the test images, items."""
    return _figure(step, "regression_metrics.rmse.value")


def champion_not_worse(step: ProcessingStep) -> JsonGet:
    """1 when the model is not worse than the latest approved one, or there is none; otherwise 0."""
    return _figure(step, "detail.champion.not_worse")


def champion_statement(step: ProcessingStep) -> JsonGet:
    """How the model stands against the latest approved one, a clause."""
    return _figure(step, "detail.champion.statement")


def _figure(step: ProcessingStep, path: str) -> JsonGet:
    return JsonGet(step_name=step.name, property_file=FIGURES, json_path=path)

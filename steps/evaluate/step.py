"""Declares the evaluate step and names the figures that later steps decide on."""

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
    model: PipelineVariable,
    test: PipelineVariable,
) -> ProcessingStep:
    """Score the artifact `model` on the shards `test`; the output is `evaluation`."""
    return processing_step(
        context,
        "evaluate",
        machine,
        arguments=to_arguments(settings),
        inputs={"model": model, "test": test},
        outputs=["evaluation"],
        property_files=[FIGURES],
        isolated=True,
    )


def measured_accuracy(step: ProcessingStep) -> JsonGet:
    """Share of test images counted right."""
    return _figure(step, "multiclass_classification_metrics.accuracy.value")


def measured_rmse(step: ProcessingStep) -> JsonGet:
    """Root mean squared error on the test images, items."""
    return _figure(step, "regression_metrics.rmse.value")


def _figure(step: ProcessingStep, path: str) -> JsonGet:
    return JsonGet(step_name=step.name, property_file=FIGURES, json_path=path)

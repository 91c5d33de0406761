"""Declares the survey step, and names what the later steps of an audit take from it."""

from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.functions import JsonGet
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep

from steps.declaration import Machine, StepContext, processing_step, to_arguments
from steps.survey.settings import SurveySettings

SUMMARY = PropertyFile(name="Survey", output_name="survey", path="survey.json")


def survey_step(
    context: StepContext, settings: SurveySettings, machine: Machine, source: PipelineVariable, group: PipelineVariable
) -> ProcessingStep:
    """Look up the bins under `source` and the latest approved model of `group`; the output is `survey`.

    Neither what lies there nor what is approved can be told from the arguments, so no earlier result is reused.
    """
    return processing_step(
        context,
        "survey",
        machine,
        arguments=to_arguments(settings, source=source, group=group),
        inputs={},
        outputs=["survey"],
        property_files=[SUMMARY],
        cached=False,
    )


def chosen_package(step: ProcessingStep) -> JsonGet:
    """ARN of the model package that counts."""
    return JsonGet(step_name=step.name, property_file=SUMMARY, json_path="package")

"""The audit's pipeline: look the bins up, count them with the approved model, compare."""

from pipelines.sdk import offline_session, without_credentials  # isort: split

from sagemaker.workflow.parameters import ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession

from pipelines.config import Config
from pipelines.definition import machine_for, step_context
from steps.audit.step import audit_step, count_step, model_step
from steps.declaration import processing_output
from steps.survey.step import chosen_package, survey_step


def audit_config(config: Config) -> Config:
    """`config` under the name that its audit's pipeline goes by."""
    described = f"Compares bin photos with the records, by the latest approved model of {config.register_.group}"
    return config.model_copy(update={"name": f"{config.name}-audit", "description": described})


def build(config: Config, session: PipelineSession) -> Pipeline:
    """Declare the audit of the project that `config` describes; makes no network call and needs no credentials.

    Args:
        config: what `audit_config` made of a configuration with account, region and bucket filled in.
        session: what `pipelines.sdk.offline_session` returns.
    """
    context = step_context(config, session)
    machines = config.machines

    source = ParameterString("SourceUri", config.catalog.source)
    group = ParameterString("ModelGroup", config.register_.group)

    surveyed = survey_step(context, config.survey, machine_for(machines.survey), source, group)
    survey = processing_output(surveyed, "survey")
    model = model_step(context, chosen_package(surveyed))
    counted = count_step(
        context,
        model,
        survey,
        instance_type=machines.count.instance_type,
        instance_count=machines.count.instance_count,
        largest_photo_mb=config.survey.largest_photo_mb,
    )
    audited = audit_step(context, config.audit, machine_for(machines.audit), survey, counted)
    return Pipeline(
        name=config.name,
        parameters=[source, group],
        steps=[surveyed, model, counted, audited],
        sagemaker_session=session,
    )


def compile_definition(config: Config, region: str) -> str:
    """The definition as JSON, the same bytes for the same configuration and code."""
    with without_credentials():
        definition: str = build(config, offline_session(region, config.bucket)).definition()
    return definition

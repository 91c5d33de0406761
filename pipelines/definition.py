"""The whole pipeline on one screen: its parameters and its graph of steps."""

from typing import get_args

from pipelines.sdk import offline_session, without_credentials  # isort: split

from sagemaker.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.step_collections import StepCollection
from sagemaker.workflow.steps import ProcessingStep, Step

from pipelines.code import read_bundles
from pipelines.config import Config
from pipelines.machines import MachineConfig
from steps.catalog.step import catalog_step
from steps.declaration import Images, Machine, StepContext, processing_output
from steps.deploy.step import deploy_step
from steps.evaluate.step import (
    champion_not_worse,
    champion_statement,
    evaluate_step,
    measured_accuracy,
    measured_rmse,
)
from steps.explore.step import explore_step
from steps.gate.step import (
    Requirement,
    accurate_enough,
    error_small_enough,
    not_worse_than_champion,
    quality_gate,
)
from steps.ingest.step import ingest_step
from steps.register.settings import ApprovalStatus
from steps.register.step import register_step
from steps.train.step import train_step, training_channels, trial_estimator
from steps.tune.step import best_values, tune_step


def build(config: Config, session: PipelineSession) -> Pipeline:
    """Declare the pipeline that `config` describes; makes no network call and needs no credentials.

    Args:
        config: a configuration with account, region and bucket filled in (`Config.placed`).
        session: what `pipelines.sdk.offline_session` returns.
    """
    context = step_context(config, session)
    machines = config.machines

    source = ParameterString("SourceUri", config.catalog.source)
    max_count = ParameterInteger("MaxCount", config.catalog.max_count)
    ingest_type = ParameterString("IngestInstanceType", machines.ingest.instance_type)
    ingest_count = ParameterInteger("IngestInstanceCount", machines.ingest.instance_count)
    training_type = ParameterString("TrainingInstanceType", machines.train.instance_type)
    minimum_accuracy = ParameterFloat("MinimumAccuracy", config.gate.minimum_accuracy)
    maximum_rmse = None if config.gate.maximum_rmse is None else ParameterFloat("MaximumRmse", config.gate.maximum_rmse)
    approval = ParameterString(
        "ModelApprovalStatus", config.register_.approval_status, enum_values=list(get_args(ApprovalStatus))
    )

    catalog = catalog_step(context, config.catalog, machine_for(machines.catalog), source, max_count)
    shards = ingest_step(
        context,
        config.ingest,
        machine_for(machines.ingest, instance_type=ingest_type, instance_count=ingest_count),
        processing_output(catalog, "catalog"),
    )
    explore = explore_step(
        context,
        config.explore,
        machine_for(machines.explore),
        catalog=processing_output(catalog, "catalog"),
        ingested={name: processing_output(shards, name) for name in ("train", "validation", "test", "report")},
    )
    channels = training_channels(
        context,
        processing_output(shards, "train"),
        processing_output(shards, "validation"),
        config.initial_weights,
    )
    trainer = machine_for(machines.train, instance_type=training_type)
    searches, tuned = [], {}
    if config.tune:
        trial = trial_estimator(context, config.train, trainer)
        searches = [tune_step(context, config.tune, trial, channels)]
        tuned = best_values(searches[0], config.tune)
    model = train_step(context, config.train, trainer, channels, tuned, config.initial_weights)
    artifact = model.properties.ModelArtifacts.S3ModelArtifacts
    report = evaluate_step(
        context,
        config.evaluate,
        machine_for(machines.evaluate),
        inputs={
            "model": artifact,
            "test": processing_output(shards, "test"),
            "catalog": processing_output(catalog, "catalog"),
        },
        gate={
            "champion_group": config.register_.group,
            "champion_required": config.gate.not_worse_than_champion,
            "minimum_accuracy": minimum_accuracy,
            "maximum_rmse": maximum_rmse,
        },
    )
    register = register_step(context, config.register_, artifact, processing_output(report, "evaluation"), approval)
    passed: list[Step | StepCollection] = [register]
    if config.deploy:
        passed.append(deploy_step(context, config.deploy, register.properties.ModelPackageArn))
    gate = quality_gate(_requirements(config, report, minimum_accuracy, maximum_rmse), passed)
    return Pipeline(
        name=config.name,
        parameters=[
            source,
            max_count,
            ingest_type,
            ingest_count,
            training_type,
            minimum_accuracy,
            *([] if maximum_rmse is None else [maximum_rmse]),
            approval,
        ],
        steps=[catalog, shards, explore, *searches, model, report, gate],
        sagemaker_session=session,
    )


def compile_definition(config: Config, region: str) -> str:
    """The pipeline definition as JSON, the same bytes for the same configuration and code."""
    with without_credentials():
        definition: str = build(config, offline_session(region, config.bucket)).definition()
    return definition


def _requirements(
    config: Config, report: ProcessingStep, minimum_accuracy: ParameterFloat, maximum_rmse: ParameterFloat | None
) -> list[Requirement]:
    requirements = [accurate_enough(measured_accuracy(report), minimum_accuracy)]
    if maximum_rmse is not None:
        requirements.append(error_small_enough(measured_rmse(report), maximum_rmse))
    if config.gate.not_worse_than_champion:
        requirements.append(not_worse_than_champion(champion_not_worse(report), champion_statement(report)))
    return requirements


def step_context(config: Config, session: PipelineSession) -> StepContext:
    """The surroundings in which the steps of the pipeline that `config` describes are declared."""
    return StepContext(
        session=session,
        pipeline=config.name,
        role=config.jobs_role,
        bucket=config.bucket,
        tags=config.tags,
        images=Images(**config.images.model_dump()),
        code={step: f"s3://{config.bucket}/{bundle.prefix}" for step, bundle in read_bundles().items()},
        cache_expires_after=config.cache_expires_after,
        kms_key=config.kms_key,
        subnets=config.network.subnets,
        security_groups=config.network.security_groups,
    )


def machine_for(config: MachineConfig, **parameters: ParameterString | ParameterInteger) -> Machine:
    """A machine as configured; `parameters` take the place of its fields."""
    return Machine(**{**config.model_dump(), **parameters})

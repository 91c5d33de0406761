"""Declares the steps that count an audit's photos with a model of the registry and compare the records with that."""

from typing import Any

from sagemaker.model import Model
from sagemaker.transformer import Transformer
from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.functions import Join
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.steps import ProcessingStep, TransformStep

from steps.audit.settings import AuditSettings
from steps.declaration import Machine, StepContext, processing_step, to_arguments

CONCURRENT = 4
"""Requests at once to each instance: the job sends the next photos while the container counts."""


class _PackagedModel(Model):  # type: ignore[misc]  # the SDK is not typed
    """A model made from a package; the SDK's own ModelPackage asks the registry while the definition compiles."""

    def __init__(self, package: PipelineVariable, **others: Any) -> None:
        super().__init__(**others)
        self._package = package

    def prepare_container_def(self, *_: Any, **__: Any) -> dict[str, PipelineVariable]:
        return {"ModelPackageName": self._package}


def model_step(context: StepContext, package: PipelineVariable) -> ModelStep:
    """Make the model that the transform job starts."""
    model = _PackagedModel(
        package,
        role=context.role,
        sagemaker_session=context.session,
        enable_network_isolation=True,
        vpc_config=context.vpc,
    )
    return ModelStep(
        name="Counter", step_args=model.create(tags=context.tag_list), retry_policies=context.service_retries
    )


def count_step(
    context: StepContext,
    model: ModelStep,
    survey: PipelineVariable,
    instance_type: str,
    instance_count: int,
    largest_photo_mb: int,
) -> TransformStep:
    """Count every photo of the survey's manifest: one request each, one object with the answer each.

    Args:
        context: the project's surroundings.
        model: makes the model.
        survey: S3 folder of the survey.
        instance_type: such as `ml.c7i.xlarge`.
        instance_count: instances, among which SageMaker divides the photos.
        largest_photo_mb: what a request may hold, MB of 2**20 bytes.
    """
    transformer = Transformer(
        model_name=model.properties.ModelName,
        strategy="SingleRecord",
        accept="application/json",
        instance_count=instance_count,
        instance_type=instance_type,
        max_concurrent_transforms=CONCURRENT,
        max_payload=largest_photo_mb,
        output_path=context.output("count", "answers"),
        output_kms_key=context.output_key,
        volume_kms_key=context.disk_key(instance_type),
        tags=context.tag_list,
        sagemaker_session=context.session,
    )
    job = transformer.transform(
        data=Join(on="/", values=[survey, "manifest.json"]),
        data_type="ManifestFile",
        content_type="application/x-image",
    )
    return TransformStep(name="Count", step_args=job, retry_policies=context.job_retries)


def audit_step(
    context: StepContext, settings: AuditSettings, machine: Machine, survey: PipelineVariable, count: TransformStep
) -> ProcessingStep:
    """Compare the survey's records with the counts; the output is `audit`."""
    return processing_step(
        context,
        "audit",
        machine,
        arguments=to_arguments(settings),
        inputs={"survey": survey, "answers": count.properties.TransformOutput.S3OutputPath},
        outputs=["audit"],
        cached=False,
    )

"""Declares the register step: a model package with its image, artifact, metrics and provenance."""

from sagemaker.model import Model
from sagemaker.model_metrics import MetricsSource, ModelMetrics
from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.functions import Join
from sagemaker.workflow.model_step import ModelStep

from steps.declaration import StepContext
from steps.register.settings import RegisterSettings

IMAGE_TYPES = ["image/jpeg", "image/png"]


def register_step(
    context: StepContext,
    settings: RegisterSettings,
    artifact: PipelineVariable,
    evaluation: PipelineVariable,
    approval_status: PipelineVariable,
) -> ModelStep:
    """Register the model.

    Args:
        context: the project's surroundings.
        settings: group and instance types.
        artifact: S3 URI of model.tar.gz.
        evaluation: S3 URI of the folder that holds evaluation.json.
        approval_status: status of the new package.
    """
    model = Model(
        image_uri=context.images.serving,
        model_data=artifact,
        role=context.role,
        sagemaker_session=context.session,
    )
    quality = MetricsSource(
        content_type="application/json", s3_uri=Join(on="/", values=[evaluation, "evaluation.json"])
    )
    return ModelStep(
        name="Register",
        step_args=model.register(
            content_types=IMAGE_TYPES,
            response_types=["application/json"],
            inference_instances=list(settings.inference_instances),
            transform_instances=list(settings.inference_instances),
            model_package_group_name=settings.group,
            approval_status=approval_status,
            model_metrics=ModelMetrics(model_statistics=quality),
            customer_metadata_properties={"training_code": context.code["train"], "pipeline": context.pipeline},
        ),
        retry_policies=context.service_retries,
    )

"""Declares the train step."""

import hashlib

from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.steps import TrainingStep

from steps.declaration import Machine, StepContext, code_environment, reuse_results
from steps.train.settings import METRICS, TrainSettings

NUMBER = r"([0-9.eE+-]+|nan|inf)"


def train_step(
    context: StepContext,
    settings: TrainSettings,
    machine: Machine,
    train: PipelineVariable,
    validation: PipelineVariable,
) -> TrainingStep:
    """Train on the S3 folders of shards `train` and `validation`; the artifact is model.tar.gz."""
    estimator = Estimator(
        image_uri=context.images.training,
        role=context.role,
        instance_count=machine.instance_count,
        instance_type=machine.instance_type,
        volume_size=machine.volume_gb,
        max_run=machine.maximum_runtime_seconds,
        use_spot_instances=machine.spot,
        max_wait=2 * machine.maximum_runtime_seconds if machine.spot else None,
        checkpoint_s3_uri=checkpoints_uri(context, settings),
        output_path=context.output("train"),
        hyperparameters={name: str(value) for name, value in settings.model_dump(mode="json").items()},
        metric_definitions=[{"Name": name, "Regex": f"{name}={NUMBER};"} for name in METRICS],
        environment=code_environment("/opt/ml/input/data/code"),
        enable_network_isolation=True,
        encrypt_inter_container_traffic=True,
        # Debugger and Profiler are closed to new customers.
        debugger_hook_config=False,
        disable_profiler=True,
        sagemaker_session=context.session,
    )
    channels = {"code": context.code["train"], "train": train, "validation": validation}
    return TrainingStep(
        name="Train",
        step_args=estimator.fit({name: TrainingInput(source) for name, source in channels.items()}),
        cache_config=reuse_results(context.cache_expires_after),
        retry_policies=context.job_retries,
    )


def checkpoints_uri(context: StepContext, settings: TrainSettings) -> str:
    """S3 folder for the checkpoints of trainings with this code and these settings.

    It must not name the execution: a training step is reused only where its CheckpointConfig is the same ("Default
    cache key attributes by pipeline step type" in the SageMaker developer guide). Trainings that meet here use each
    other's checkpoints only if they are of the same images too.
    """
    what = f"{context.code['train']}\n{settings.model_dump_json()}"
    return f"s3://{context.bucket}/{context.pipeline}/checkpoints/{hashlib.sha256(what.encode()).hexdigest()}"

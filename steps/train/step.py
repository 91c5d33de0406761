"""Declares the train step, and the training job that tuning tries with other values."""

import hashlib
from collections.abc import Mapping

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
    channels: Mapping[str, TrainingInput],
    tuned: Mapping[str, PipelineVariable],
    initial_weights: str,
) -> TrainingStep:
    """Train on the `channels` with the values `tuned` in place of settings by name; the artifact is model.tar.gz.

    Args:
        context: the project's surroundings.
        settings: the network and how it learns.
        machine: what it runs on.
        channels: as `training_channels` answers them.
        tuned: values that take the place of settings, by name.
        initial_weights: where the weights come from that are in the channels; empty for random ones.
    """
    checkpoints = checkpoints_uri(context, settings, initial_weights)
    estimator = _estimator(context, settings, machine, "train", tuned, checkpoints)
    return TrainingStep(
        name="Train",
        step_args=estimator.fit(dict(channels)),
        cache_config=reuse_results(context.cache_expires_after),
        retry_policies=context.job_retries,
    )


def trial_estimator(context: StepContext, settings: TrainSettings, machine: Machine) -> Estimator:
    """The training job that tuning tries.

    It has no checkpoints, since trials that run at once would overwrite each other's: an interrupted one starts anew.
    """
    return _estimator(context, settings, machine, "tune", {}, None)


def training_channels(
    context: StepContext, train: PipelineVariable, validation: PipelineVariable, initial_weights: str
) -> dict[str, TrainingInput]:
    """The channels of a training job.

    Args:
        context: the project's surroundings.
        train: S3 folder of shards.
        validation: S3 folder of shards.
        initial_weights: S3 folder of the weights to start from; empty for random ones.
    """
    sources = {"code": context.code["train"], "train": train, "validation": validation}
    if initial_weights:
        # With the slash: S3 would take the name for a beginning, and resnet34 for that of resnet34-old too.
        sources["weights"] = f"{initial_weights.rstrip('/')}/"
    return {name: TrainingInput(source) for name, source in sources.items()}


def checkpoints_uri(context: StepContext, settings: TrainSettings, initial_weights: str) -> str:
    """S3 folder for the checkpoints of trainings with this code, these settings and initial weights.

    It must not name the execution: a training step is reused only where its CheckpointConfig is the same ("Default
    cache key attributes by pipeline step type" in the SageMaker developer guide). Trainings that meet here use each
    other's checkpoints only if they are of the same images too.
    """
    what = f"{context.code['train']}\n{settings.model_dump_json()}\n{initial_weights}"
    return f"s3://{context.bucket}/{context.pipeline}/checkpoints/{hashlib.sha256(what.encode()).hexdigest()}"


def _estimator(
    context: StepContext,
    settings: TrainSettings,
    machine: Machine,
    step: str,
    tuned: Mapping[str, PipelineVariable],
    checkpoints: str | None,
) -> Estimator:
    hyperparameters = {name: str(value) for name, value in settings.model_dump(mode="json").items()}
    return Estimator(
        image_uri=context.images.training,
        role=context.role,
        instance_count=machine.instance_count,
        instance_type=machine.instance_type,
        volume_size=machine.volume_gb,
        max_run=machine.maximum_runtime_seconds,
        use_spot_instances=machine.spot,
        max_wait=2 * machine.maximum_runtime_seconds if machine.spot else None,
        checkpoint_s3_uri=checkpoints,
        output_path=context.output(step),
        output_kms_key=context.output_key,
        volume_kms_key=context.disk_key(machine.instance_type),
        subnets=list(context.subnets) or None,
        security_group_ids=list(context.security_groups) or None,
        hyperparameters={**hyperparameters, **tuned},
        metric_definitions=[{"Name": name, "Regex": f"{name}={NUMBER};"} for name in METRICS],
        environment=code_environment("/opt/ml/input/data/code"),
        enable_network_isolation=True,
        encrypt_inter_container_traffic=True,
        tags=context.tag_list,
        # Debugger and Profiler are closed to new customers.
        debugger_hook_config=False,
        disable_profiler=True,
        sagemaker_session=context.session,
    )

"""What every `step.py` is given, and what all declarations have in common."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sagemaker.network import NetworkConfig
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.execution_variables import ExecutionVariables
from sagemaker.workflow.functions import Join
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.retry import (
    RetryPolicy,
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.workflow.steps import CacheConfig, ProcessingStep

from steps.contract import StepSettings

PROCESSING = "/opt/ml/processing"
CODE = f"{PROCESSING}/input/code"

# Instances with disks of their own, which their hardware encrypts and no key of ours can: "VolumeKmsKeyId" of
# ResourceConfig in SageMaker's API reference.
OWN_DISKS = re.compile(r"ml\.([a-z]+\d[a-z]*d[a-z]*|g5|g6e?|gr6|p5[a-z]*|p6[a-z0-9-]*|trn[12][a-z]*)\..+")


def code_environment(folder: str) -> dict[str, str]:
    """Variables with which `python3 -m steps.<name>` runs the code in `folder`.

    Without PYTHONSAFEPATH, `-m` would prefer a copy of the code in the image's working directory.
    """
    return {"PYTHONPATH": folder, "PYTHONSAFEPATH": "1"}


@dataclass(frozen=True)
class Images:
    """Container images by what they run, as ECR URIs."""

    processing: str
    training: str
    serving: str


@dataclass(frozen=True)
class Machine:
    """What a job runs on; type and count may be pipeline parameters.

    Attributes:
        instance_type: such as `ml.m5.xlarge`.
        instance_count: instances.
        volume_gb: disk of each instance.
        maximum_runtime_seconds: the job is stopped after this time.
        spot: take instances that AWS may want back; only for jobs that write checkpoints.
    """

    instance_type: str | PipelineVariable
    instance_count: int | PipelineVariable
    volume_gb: int
    maximum_runtime_seconds: int
    spot: bool = False


@dataclass(frozen=True)
class StepContext:
    """The surroundings that every step is declared in.

    Attributes:
        session: a session that collects requests instead of sending them.
        pipeline: the pipeline's name.
        role: ARN of the role that jobs take.
        bucket: name of the bucket for code and outputs.
        tags: what jobs and models are tagged with.
        images: container images.
        code: S3 folder of each step's code, by step.
        cache_expires_after: ISO 8601 duration after which a step's result is no longer reused.
        kms_key: ARN of the key for outputs and disks; empty for AWS's own.
        subnets: network that jobs run in, by id; none for SageMaker's own.
        security_groups: what they may reach there, by id.
    """

    session: PipelineSession
    pipeline: str
    role: str
    bucket: str
    tags: Mapping[str, str]
    images: Images
    code: Mapping[str, str]
    cache_expires_after: str
    kms_key: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()

    @property
    def output_key(self) -> str | None:
        """Key for what jobs write to S3."""
        return self.kms_key or None

    def disk_key(self, instance_type: str | PipelineVariable) -> str | None:
        """Key for a job's disk; none where the instance type, or a parameter's default, has disks of its own."""
        known = getattr(instance_type, "default_value", instance_type)
        return None if OWN_DISKS.fullmatch(str(known)) else self.output_key

    @property
    def vpc(self) -> dict[str, list[str]] | None:
        """The network as a model is told of it."""
        if not self.subnets:
            return None
        return {"Subnets": list(self.subnets), "SecurityGroupIds": list(self.security_groups)}

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """The tags in the form of AWS's API."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]

    @property
    def service_retries(self) -> list[RetryPolicy]:
        """Try again when SageMaker itself fails or throttles."""
        faults = [StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING]
        return [StepRetryPolicy(exception_types=faults, interval_seconds=10, max_attempts=5)]

    @property
    def job_retries(self) -> list[RetryPolicy]:
        """Try again for two hours also when no instance of the type is free.

        A job that fails by itself is not repeated, nor one beyond the account's quota: that is not cured by waiting.
        """
        shortages = [
            SageMakerJobExceptionTypeEnum.INTERNAL_ERROR,
            SageMakerJobExceptionTypeEnum.CAPACITY_ERROR,
        ]
        patient = SageMakerJobStepRetryPolicy(exception_types=shortages, interval_seconds=60, expire_after_mins=120)
        return [*self.service_retries, patient]

    def output(self, step: str, name: str = "") -> Join:
        """S3 folder for what a step writes in this execution; no execution overwrites another's."""
        parts = [f"s3://{self.bucket}/{self.pipeline}/executions", ExecutionVariables.PIPELINE_EXECUTION_ID, step]
        return Join(on="/", values=[*parts, name] if name else parts)


def processing_step(
    context: StepContext,
    name: str,
    machine: Machine,
    arguments: list[str | PipelineVariable],
    inputs: Mapping[str, PipelineVariable],
    outputs: list[str],
    property_files: list[PropertyFile] | None = None,
    isolated: bool = False,
    cached: bool = True,
) -> ProcessingStep:
    """Declare the ProcessingStep that runs `python3 -m steps.<name>` on its own code.

    Args:
        context: the project's surroundings.
        name: the step's folder; the step is called the same, capitalised.
        machine: what it runs on.
        arguments: the container's arguments.
        inputs: S3 folder of each input, by name.
        outputs: names of the outputs.
        property_files: JSON outputs that later steps look into.
        isolated: cut the container off the network; only for steps that need nothing but their inputs.
        cached: reuse an earlier result; not for steps whose result also depends on what is neither input nor argument.
    """
    processor = Processor(
        role=context.role,
        image_uri=context.images.processing,
        entrypoint=["python3", "-m", f"steps.{name}"],
        instance_count=machine.instance_count,
        instance_type=machine.instance_type,
        volume_size_in_gb=machine.volume_gb,
        max_runtime_in_seconds=machine.maximum_runtime_seconds,
        env=code_environment(CODE),
        volume_kms_key=context.disk_key(machine.instance_type),
        output_kms_key=context.output_key,
        tags=context.tag_list,
        network_config=NetworkConfig(
            enable_network_isolation=isolated,
            encrypt_inter_container_traffic=True,
            subnets=list(context.subnets) or None,
            security_group_ids=list(context.security_groups) or None,
        ),
        sagemaker_session=context.session,
    )
    sources = {"code": context.code[name], **inputs}
    return ProcessingStep(
        name=name.capitalize(),
        step_args=processor.run(
            arguments=arguments,
            inputs=[
                ProcessingInput(source=source, destination=f"{PROCESSING}/input/{key}", input_name=key)
                for key, source in sources.items()
            ],
            outputs=[
                ProcessingOutput(
                    source=f"{PROCESSING}/output/{key}", destination=context.output(name, key), output_name=key
                )
                for key in outputs
            ],
        ),
        property_files=property_files,
        cache_config=reuse_results(context.cache_expires_after) if cached else None,
        retry_policies=context.job_retries,
    )


def reuse_results(expires_after: str) -> CacheConfig:
    """Reuse an earlier run with the same code, settings and inputs, no older than the ISO 8601 duration."""
    return CacheConfig(enable_caching=True, expire_after=expires_after)


def to_arguments(
    settings: StepSettings, **variables: str | bool | PipelineVariable | None
) -> list[str | PipelineVariable]:
    """Container arguments `--field-name value` for every field that is not None.

    `variables` take the place of settings by name, or are added to them.
    """
    values = {**settings.model_dump(mode="json"), **variables}
    pairs = [(f"--{name.replace('_', '-')}", _as_text(value)) for name, value in values.items() if value is not None]
    return [part for pair in pairs for part in pair]


def _as_text(value: object) -> str | PipelineVariable:
    return value.to_string() if isinstance(value, PipelineVariable) else str(value)


def processing_output(step: ProcessingStep, name: str) -> PipelineVariable:
    """S3 folder of a processing step's output, as a reference that also makes the reader wait for the step."""
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri

"""Where each kind of request says what rules ask about: machines, images, inputs, outputs, network and time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipelines.checks.look import Json, at, find, mapping
from pipelines.checks.subject import Subject

DEFINITION = "TrainingJobDefinition"
_NAME_AND_VALUE = re.compile(r"(-{0,2}[A-Za-z][\w.-]*)=(.+)")


@dataclass(frozen=True)
class _Places:
    """Paths into a request; an empty one where the request has no such thing."""

    machine: str = ""
    images: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    output_key: str = ""
    network: str = ""
    time: str = ""


_TRAINING = _Places(
    machine="ResourceConfig",
    images=("AlgorithmSpecification.TrainingImage",),
    arguments=("AlgorithmSpecification.ContainerArguments", "AlgorithmSpecification.ContainerEntrypoint"),
    environments=("Environment", "HyperParameters", "StaticHyperParameters"),
    inputs=("InputDataConfig[].DataSource.S3DataSource.S3Uri",),
    outputs=("OutputDataConfig.S3OutputPath", "CheckpointConfig.S3Uri", "TensorBoardOutputConfig.S3OutputPath"),
    output_key="OutputDataConfig.KmsKeyId",
    time="StoppingCondition.MaxRuntimeInSeconds",
)
_PLACES = {
    "Processing": _Places(
        machine="ProcessingResources.ClusterConfig",
        images=("AppSpecification.ImageUri",),
        arguments=("AppSpecification.ContainerArguments", "AppSpecification.ContainerEntrypoint"),
        environments=("Environment",),
        inputs=("ProcessingInputs[].S3Input.S3Uri",),
        outputs=("ProcessingOutputConfig.Outputs[].S3Output.S3Uri",),
        output_key="ProcessingOutputConfig.KmsKeyId",
        network="NetworkConfig",
        time="StoppingCondition.MaxRuntimeInSeconds",
    ),
    "Training": _TRAINING,
    "Tuning": _TRAINING,
    "Transform": _Places(
        machine="TransformResources",
        environments=("Environment",),
        inputs=("TransformInput.DataSource.S3DataSource.S3Uri",),
        outputs=("TransformOutput.S3OutputPath", "DataCaptureConfig.DestinationS3Uri"),
        output_key="TransformOutput.KmsKeyId",
    ),
    "Model": _Places(
        images=("PrimaryContainer.Image", "Containers[].Image"),
        environments=("PrimaryContainer.Environment", "Containers[].Environment"),
        inputs=("PrimaryContainer.ModelDataUrl", "Containers[].ModelDataUrl"),
    ),
    "RegisterModel": _Places(
        images=("InferenceSpecification.Containers[].Image",),
        environments=("InferenceSpecification.Containers[].Environment",),
        inputs=("InferenceSpecification.Containers[].ModelDataUrl",),
    ),
}


@dataclass(frozen=True)
class Job:
    """What a step asks SageMaker for; of a tuning step, the training that it repeats.

    Attributes:
        step: the step's name.
        type: the step's type.
        request: where the fields of the job stand.
    """

    step: str
    type: str
    request: Json

    @property
    def trains(self) -> bool:
        """Whether it is a training, by itself or as a trial."""
        return self.type in ("Training", "Tuning")

    @property
    def machine(self) -> Json:
        """Instances and disks; empty where it has none of its own."""
        return mapping(self.request, _PLACES[self.type].machine)

    @property
    def runtime(self) -> Any:
        """The time in seconds after which it is stopped; None where none is set."""
        return at(self.request, _PLACES[self.type].time)

    @property
    def has_time(self) -> bool:
        """Whether such a time can be set."""
        return bool(_PLACES[self.type].time)

    @property
    def output_key(self) -> Any:
        """KMS key of its outputs; None where none is named."""
        return at(self.request, _PLACES[self.type].output_key)

    def network(self, name: str) -> Any:
        """A setting of its network, such as `EnableNetworkIsolation`."""
        inside = _PLACES[self.type].network
        return at(self.request, f"{inside}.{name}" if inside else name)

    def images(self) -> Iterator[tuple[str, Any]]:
        """Its images, by where they stand."""
        return self._each(_PLACES[self.type].images)

    def inputs(self) -> Iterator[tuple[str, Any]]:
        """The S3 URIs that it reads."""
        return self._each(_PLACES[self.type].inputs)

    def outputs(self) -> Iterator[tuple[str, Any]]:
        """The S3 URIs that it writes to."""
        return self._each(_PLACES[self.type].outputs)

    def settings(self) -> Iterator[tuple[str, str, Any]]:
        """Its environment variables and hyperparameters: where, name and value."""
        for where, found in self._each(_PLACES[self.type].environments):
            for name, value in found.items() if isinstance(found, dict) else ():
                yield where, name, value

    def arguments(self) -> Iterator[tuple[str, str, Any]]:
        """The values on its command line: where, the name before them, as in `--name value`, or their place; value."""
        for where, words in self._each(_PLACES[self.type].arguments):
            before = ""
            for place, word in enumerate(words if isinstance(words, list) else ()):
                text = word if isinstance(word, str) else ""
                if given := _NAME_AND_VALUE.fullmatch(text):
                    yield where, given[1], given[2]
                is_name = text.startswith("-")
                if not is_name:
                    yield where, before or str(place), word
                before = text if is_name else ""

    def _each(self, paths: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for path in paths:
            yield from find(self.request, path)


def jobs(subject: Subject) -> Iterator[Job]:
    """What the steps of a definition ask SageMaker for."""
    for step in subject.steps:
        if step.type == "Tuning":
            listed = [found for _, found in find(step.arguments, f"{DEFINITION}s[]")]
            for request in [step.arguments.get(DEFINITION), *listed]:
                if isinstance(request, dict):
                    yield Job(step.name, step.type, request)
        elif step.type in _PLACES:
            yield Job(step.name, step.type, step.arguments)

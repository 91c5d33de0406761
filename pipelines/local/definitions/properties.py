"""Tells before a pipeline runs whether a step can have the property that a reference wants of it."""

from __future__ import annotations

from collections.abc import Iterable

from botocore.model import ListShape, MapShape, Shape, StructureShape

from pipelines.local.aws import shorten
from pipelines.local.definitions.definition import Step
from pipelines.local.definitions.expressions import ExpressionError
from pipelines.local.definitions.paths import NAMES, parse
from pipelines.local.shapes import output_shape, service

# The calls whose answers are a step's properties, as the SageMaker SDK has them.
_DESCRIBED_BY = {
    "Processing": "DescribeProcessingJob",
    "Training": "DescribeTrainingJob",
    "Tuning": "DescribeHyperParameterTuningJob",
    "Transform": "DescribeTransformJob",
    "Model": "DescribeModel",
    "RegisterModel": "DescribeModelPackage",
    "EndpointConfig": "DescribeEndpointConfig",
    "Endpoint": "DescribeEndpoint",
}
_ALSO = {"Tuning": {"TrainingJobSummaries": "HyperParameterTrainingJobSummaries"}}
_WITHOUT_SHAPE: dict[str, tuple[str, ...]] = {"Condition": ("Outcome",), "Fail": ()}


def check_property(step: Step, path: str) -> None:
    """Check that a path leads into what the step's Describe call answers.

    Args:
        step: whose property is wanted; of a type whose properties are not known everything is accepted.
        path: as in a reference, such as `ModelArtifacts.S3ModelArtifacts`.

    Raises:
        ExpressionError: nothing can be there.
    """
    first, *rest = parse(path)
    if step.type in _WITHOUT_SHAPE:
        known = _WITHOUT_SHAPE[step.type]
        if rest or first not in known:
            raise _nowhere(step, path, f"a {step.type} step has only {', '.join(known)}" if known else "it has none")
        return
    if step.type == "Lambda":
        _check_output(step, path, first, rest)
        return
    shape: Shape | None = None
    if step.type in _DESCRIBED_BY:
        shape = output_shape(_DESCRIBED_BY[step.type])
    also = _ALSO.get(step.type, {}).get(str(first))
    if also is not None:
        shape = service().shape_for(also)
    elif shape is not None:
        shape = _enter(step, path, shape, first)
    for part in rest:
        if shape is None:
            return
        shape = _enter(step, path, shape, part)


def _check_output(step: Step, path: str, first: str | int, rest: list[str | int]) -> None:
    names = [output.name for output in step.output_parameters]
    if first != "OutputParameters" or len(rest) != 1 or rest[0] not in names:
        known = ", ".join(f"OutputParameters['{name}']" for name in names)
        raise _nowhere(step, path, f"it has only {known}" if known else "it declares no OutputParameters")


def _enter(step: Step, path: str, shape: Shape, part: str | int) -> Shape:
    inner: Shape | None = None
    if isinstance(shape, StructureShape):
        inner = shape.members.get(str(part))
        if inner is None:
            raise _nowhere(step, path, f"'{part}' is not one of {_some(shape.members)}")
    elif isinstance(shape, MapShape):
        inner = shape.value
    elif isinstance(shape, ListShape) and (isinstance(part, int) or _is_named(shape.member)):
        inner = shape.member
    if inner is None:
        raise _nowhere(step, path, f"there is no '{part}' in a {shape.type_name}")
    return inner


def _is_named(shape: Shape) -> bool:
    """Whether the items of a list can be looked up by name."""
    return isinstance(shape, StructureShape) and not shape.members.keys().isdisjoint(NAMES)


def _nowhere(step: Step, path: str, why: str) -> ExpressionError:
    return ExpressionError(f"The step '{step.name}' has no property '{path}': {why}.")


def _some(names: Iterable[str]) -> str:
    return shorten(", ".join(names), 300)

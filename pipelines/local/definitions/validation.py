"""Tells whether a pipeline definition can run, before anything of it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from pipelines.local.aws import ApiError, invalid
from pipelines.local.definitions.branches import check_branches
from pipelines.local.definitions.conditions import check_condition
from pipelines.local.definitions.definition import Definition, Step
from pipelines.local.definitions.experiment import check_experiment
from pipelines.local.definitions.expressions import ExpressionError, Reference, is_expression, references
from pipelines.local.definitions.policies import RETRYABLE
from pipelines.local.definitions.properties import check_property
from pipelines.local.shapes import input_shape, problems

# AWS's quotas for a pipeline, and the largest definition of CreatePipeline.
MOST_STEPS = 50
MOST_PARAMETERS = 200
LONGEST_DEFINITION = 1_048_576  # characters


@dataclass(frozen=True)
class Call:
    """The call of AWS's API whose input a step's arguments are.

    Attributes:
        action: its name.
        given_later: required fields which the engine fills in.
    """

    action: str
    given_later: frozenset[str] = frozenset()


CALLS = {
    "Processing": Call("CreateProcessingJob", frozenset({"ProcessingJobName"})),
    "Training": Call("CreateTrainingJob", frozenset({"TrainingJobName"})),
    "Transform": Call("CreateTransformJob", frozenset({"TransformJobName"})),
    "Tuning": Call("CreateHyperParameterTuningJob", frozenset({"HyperParameterTuningJobName"})),
    "RegisterModel": Call("CreateModelPackage"),
    "Model": Call("CreateModel", frozenset({"ModelName"})),
    "EndpointConfig": Call("CreateEndpointConfig", frozenset({"EndpointConfigName"})),
    "Endpoint": Call("CreateEndpoint"),
}
STEP_TYPES = (*CALLS, "Lambda", "Condition", "Fail")


def validate(definition: Definition) -> None:
    """Check a definition as AWS does when a pipeline is created.

    Raises:
        ApiError: the first problem found, with the name of the step or parameter it lies in.
    """
    _check_size(definition)
    _check_unique("parameter", [parameter.name for parameter in definition.parameters])
    _check_unique("step", [node.step.name for node in definition.nodes])
    for parameter in definition.parameters:
        parameter.check()
    for node in definition.nodes:
        _check_step(node.step, definition)
    try:
        TopologicalSorter({node.step.name: node.waits_for for node in definition.nodes}).prepare()
    except CycleError as error:
        raise invalid(f"The steps wait for each other in a circle: {' -> '.join(error.args[1])}.") from error
    check_branches(definition)
    check_experiment(definition)
    for node in definition.nodes:
        _check_properties(node.step, definition)


def _check_size(definition: Definition) -> None:
    counted = (
        ("characters", len(definition.text), LONGEST_DEFINITION),
        ("steps", len(definition.nodes), MOST_STEPS),
        ("parameters", len(definition.parameters), MOST_PARAMETERS),
    )
    for what, count, most in counted:
        if count > most:
            raise invalid(f"The pipeline definition has {count} {what}; it can have at most {most}.")


def _check_unique(what: str, names: list[str]) -> None:
    name, count = Counter(names).most_common(1)[0] if names else ("", 1)
    if count > 1:
        raise invalid(f"The name of a {what} must be unique, but '{name}' occurs {count} times.")


def _check_step(step: Step, definition: Definition) -> None:
    if step.type not in STEP_TYPES:
        raise invalid(
            f"The step '{step.name}' is of type '{step.type}', which the embedded SageMaker does not run; "
            f"it runs {', '.join(STEP_TYPES)}."
        )
    if step.property_files and step.type != "Processing":
        raise invalid(f"The step '{step.name}' has PropertyFiles, which only Processing steps can have.")
    if step.retry_policies and step.type not in RETRYABLE:
        raise invalid(f"The step '{step.name}' has RetryPolicies, which {step.type} steps cannot have.")
    _check_unique(f"property file of the step '{step.name}'", [file.name for file in step.property_files])
    for name in step.depends_on:
        if name not in definition.steps:
            raise invalid(f"The step '{step.name}' depends on '{name}', which is not a step of the pipeline.")
    try:
        for reference in references(step.own_arguments):
            _check_reference(reference, step, definition)
        _ARGUMENTS[step.type](step)
    except ExpressionError as error:
        raise invalid(f"In the step '{step.name}': {error}") from error


def _check_reference(reference: Reference, step: Step, definition: Definition) -> None:
    kind, name = reference.kind, reference.name
    if kind == "parameter" and name not in {parameter.name for parameter in definition.parameters}:
        raise _unresolved(step, f"the parameter '{name}', which is not declared")
    if kind in ("step", "file") and name not in definition.steps:
        raise _unresolved(step, f"the step '{name}', which is not a step of the pipeline")
    if kind == "file" and reference.path not in {file.name for file in definition.steps[name].property_files}:
        raise _unresolved(step, f"the property file '{reference.path}', which the step '{name}' does not declare")


def _check_properties(step: Step, definition: Definition) -> None:
    for reference in references(step.own_arguments):
        if reference.kind == "step":
            try:
                check_property(definition.steps[reference.name], reference.path)
            except ExpressionError as error:
                raise invalid(f"In the step '{step.name}': {error}") from error


def _unresolved(step: Step, what: str) -> ApiError:
    return invalid(f"The step '{step.name}' refers to {what}.")


def _check_call(step: Step) -> None:
    call = CALLS[step.type]
    found = list(problems(input_shape(call.action), step.arguments, skip=is_expression, optional=call.given_later))
    if found:
        raise invalid(f"The arguments of the step '{step.name}' are not valid: {'; '.join(found[:5])}")
    outputs = step.arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
    names = [output.get("OutputName") for output in outputs if isinstance(output, dict)]
    for file in step.property_files:
        if file.output not in names and not any(map(is_expression, names)):
            raise invalid(
                f"The property file '{file.name}' of the step '{step.name}' is in the output '{file.output}', "
                "which the step does not have."
            )


def _check_conditions(step: Step) -> None:
    conditions = step.arguments.get("Conditions")
    if not isinstance(conditions, list) or not conditions:
        raise invalid(f"The condition step '{step.name}' needs a list of Conditions.")
    for condition in conditions:
        check_condition(condition)


def _check_fail(step: Step) -> None:
    message = step.arguments.get("ErrorMessage")
    if not isinstance(message, str) and not is_expression(message):
        raise invalid(f"The fail step '{step.name}' needs an ErrorMessage: a string or an expression.")


def _check_function(step: Step) -> None:
    if not step.function_arn:
        raise invalid(f"The lambda step '{step.name}' needs a FunctionArn.")
    _check_unique("output parameter", [output.name for output in step.output_parameters])


_ARGUMENTS: dict[str, Callable[[Step], None]] = {
    **dict.fromkeys(CALLS, _check_call),
    "Lambda": _check_function,
    "Condition": _check_conditions,
    "Fail": _check_fail,
}

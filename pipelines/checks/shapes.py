"""Rules of form: each step against AWS's own model of the call that the step makes."""

import functools
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape

from pipelines.checks.rule import Faults, rule
from pipelines.checks.subject import Subject
from pipelines.local.definitions.definition import Step as KnownStep
from pipelines.local.definitions.expressions import is_expression
from pipelines.local.definitions.validation import CALLS
from pipelines.local.shapes import input_shape, problems

# The step types of AWS's JSON schema of definitions and of the SageMaker SDK (sagemaker.workflow.steps.StepTypeEnum).
_TYPES = {
    *CALLS,
    *("Lambda", "Condition", "Fail", "Callback", "QualityCheck", "ClarifyCheck", "EMR", "AutoML"),
    *("InferenceComponent", "Lineage"),
}
_FIELDS = {field.alias for field in KnownStep.model_fields.values()}


@rule("definition-form", "What is not a definition of AWS's schema 2020-12-01 is refused by CreatePipeline.")
def definition_form(subject: Subject) -> Faults:
    """What kept the definition, or a part of it, from being read."""
    yield from subject.unreadable


@rule("step-type", "CreatePipeline refuses step types that it does not know (guide 'Pipelines steps').")
def step_type(subject: Subject) -> Faults:
    """Types that Pipelines does not have."""
    for step in subject.steps:
        if step.type not in _TYPES:
            yield step.name, f"Type {step.type!r} is not one of {', '.join(sorted(_TYPES))}"


@rule("step-fields", "CreatePipeline refuses fields that a step does not have (JSON schema of definitions).")
def step_fields(subject: Subject) -> Faults:
    """Fields beside Arguments that a step cannot have."""
    for step in subject.steps:
        if step.type in {*CALLS, "Lambda", "Condition", "Fail"}:
            for name in step.body.keys() - _FIELDS:
                yield step.name, f"a {step.type} step has no field {name!r}"


@rule(
    "request-shape",
    "A step's call is made hours after the upsert; AWS then refuses members that are missing, unknown, of the wrong "
    "type, too many, too long, or not of the pattern (API reference, as botocore's model has it).",
)
def request_shape(subject: Subject) -> Faults:
    """Arguments that are not of the call's shape; parameters are taken at their defaults."""
    for step in subject.steps:
        if step.type in CALLS:
            call = CALLS[step.type]
            shape = input_shape(call.action)
            for problem in problems(shape, step.arguments, skip=is_expression, optional=call.given_later):
                yield step.name, f"{call.action}: {problem}"
        elif step.type == "Lambda":
            arn = step.body.get("FunctionArn", "")
            for problem in problems(_function_name(), arn, skip=is_expression, path="FunctionArn"):
                yield step.name, f"Invoke: {problem}"


@rule(
    "expression-place",
    "A Std:Join and the execution variables are texts, and a Std:JsonGet is a single value: AWS refuses them where a "
    "number, a list or an object is expected (guide 'Pipeline parameters and functions').",
)
def expression_place(subject: Subject) -> Faults:
    """Expressions where their value cannot stand."""
    for step in subject.steps:
        if step.type in CALLS:
            for where, what, wanted in _misplaced(input_shape(CALLS[step.type].action), step.arguments, ""):
                yield step.name, f"{where} must be of type {wanted}, which {what} never is"


def _misplaced(shape: Shape | None, value: Any, where: str) -> Iterator[tuple[str, str, str]]:
    if shape is None:
        return
    if is_expression(value):
        form, body = next(iter(value.items()))
        is_text = form == "Std:Join" or (form == "Get" and isinstance(body, str) and body.startswith("Execution."))
        is_nested = isinstance(shape, StructureShape | ListShape | MapShape)
        if (is_text and shape.type_name != "string") or (form == "Std:JsonGet" and is_nested):
            yield where, body if form == "Get" else form, shape.type_name
    elif isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, item in value.items():
            yield from _misplaced(shape.members.get(name), item, f"{where}.{name}".lstrip("."))
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for name, item in value.items():
            yield from _misplaced(shape.value, item, f"{where}[{name!r}]")
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _misplaced(shape.member, item, f"{where}[{index}]")


@functools.cache
def _function_name() -> Shape:
    """The shape of a function's name; reading AWS Lambda's model takes a moment."""
    model = botocore.session.get_session().get_service_model("lambda").operation_model("Invoke").input_shape
    if model is None:
        raise ValueError("Invoke takes no input")
    return model.members["FunctionName"]

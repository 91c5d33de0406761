"""Rules of the graph: what steps refer to exists, and every step can come to run."""

from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from pipelines.checks.look import Json, at, find, objects
from pipelines.checks.rule import Faults, rule
from pipelines.checks.subject import Step, Subject
from pipelines.checks.values import misfits, references_in
from pipelines.local.aws import ApiError
from pipelines.local.definitions.conditions import check_condition
from pipelines.local.definitions.definition import OutputParameter
from pipelines.local.definitions.definition import Step as KnownStep
from pipelines.local.definitions.expressions import ExpressionError, is_expression, references
from pipelines.local.definitions.parameters import Parameter
from pipelines.local.definitions.properties import check_property


@rule("unique-names", "Two steps, or two parameters, of one name are refused by CreatePipeline.")
def unique_names(subject: Subject) -> Faults:
    """Names that occur more than once."""
    for name, count in Counter(step.name for step in subject.steps).items():
        if count > 1:
            yield name, f"{count} steps are named {name!r}"
    for name, count in Counter(each["Name"] for each in subject.parameters).items():
        if count > 1:
            yield "", f"{count} parameters are named {name!r}"


@rule(
    "parameters",
    "A parameter's default and choices are of its type, and the default is one of the choices: otherwise no execution "
    "starts without -p (guide 'Pipeline parameters').",
)
def parameters(subject: Subject) -> Faults:
    """Parameters that contradict themselves."""
    for each in subject.parameters:
        wrong = list(misfits(Parameter, each, f"the parameter {each['Name']!r}"))
        for sentence in wrong:
            yield "", sentence
        if not wrong:
            try:
                Parameter.model_validate(each).check()
            except ApiError as error:
                yield "", str(error)


@rule("unused-parameter", "A parameter that no step takes misleads whoever sets it.")
def unused_parameter(subject: Subject) -> Faults:
    """Parameters without an effect."""
    for each in subject.parameters:
        if f'"Parameters.{each["Name"]}"' not in subject.text:
            yield "", f"no step takes the parameter {each['Name']!r}"


@rule("expressions", "CreatePipeline refuses a Get, Std:Join or Std:JsonGet that is malformed.")
def expressions(subject: Subject) -> Faults:
    """Expressions that are none."""
    for step in subject.steps:
        try:
            for _ in references(step.written):
                pass
        except ExpressionError as error:
            yield step.name, str(error)


@rule("known-references", "CreatePipeline refuses references to a parameter, step or property file that is not there.")
def known_references(subject: Subject) -> Faults:
    """References that lead nowhere."""
    steps, declared = subject.by_name(), {each["Name"] for each in subject.parameters}
    for step in subject.steps:
        for name in step.depends_on:
            if name not in steps:
                yield step.name, f"DependsOn names {name!r}, which is not a step"
        for found in references_in(step.written):
            if found.kind == "parameter" and found.name not in declared:
                yield step.name, f"it refers to the parameter {found.name!r}, which is not declared"
            elif found.kind in ("step", "file") and found.name not in steps:
                yield step.name, f"it refers to the step {found.name!r}, which is not a step"
            elif found.kind == "file" and found.path not in _file_names(steps[found.name]):
                yield step.name, f"it refers to the property file {found.path!r}, which {found.name} does not declare"


@rule(
    "known-properties",
    "A reference into what a step answers fails the execution when nothing can be there (the API's Describe calls).",
)
def known_properties(subject: Subject) -> Faults:
    """References to properties that the step never has."""
    steps = subject.by_name()
    for step in subject.steps:
        for found in references_in(step.written):
            if found.kind == "step" and found.name in steps:
                try:
                    check_property(_known(steps[found.name]), found.path)
                except ExpressionError as error:
                    yield step.name, str(error)


@rule(
    "property-file",
    "A property file must lie in an output of its own step: otherwise whoever reads it fails (guide 'Pass data between "
    "steps').",
)
def property_file(subject: Subject) -> Faults:
    """Property files that no output holds."""
    for step in subject.steps:
        files = step.body.get("PropertyFiles", [])
        if files and step.type not in ("Processing", "AutoML"):
            yield step.name, f"{step.type} steps have no PropertyFiles"
        outputs = [name for _, name in find(step.arguments, "ProcessingOutputConfig.Outputs[].OutputName")]
        for file in files:
            name = at(file, "OutputName")
            if name not in outputs and not any(map(is_expression, outputs)):
                yield (
                    step.name,
                    f"the property file {at(file, 'PropertyFileName')!r} is in no output of the step: {name!r}",
                )


@rule("condition-form", "A condition step without conditions, or with one of an unknown form, is refused.")
def condition_form(subject: Subject) -> Faults:
    """Conditions that are none."""
    for step in subject.steps:
        if step.type == "Condition":
            conditions = step.arguments.get("Conditions")
            if not isinstance(conditions, list) or not conditions:
                yield step.name, "it must have a list of Conditions"
                continue
            for condition in conditions:
                try:
                    check_condition(condition)
                except ExpressionError as error:
                    yield step.name, str(error)
        elif step.type == "Fail" and not isinstance(step.arguments.get("ErrorMessage"), str | dict):
            yield step.name, "it must have an ErrorMessage"


@rule("no-circle", "Steps that wait for each other in a circle never run; CreatePipeline refuses them.")
def no_circle(subject: Subject) -> Faults:
    """Steps that wait for themselves."""
    try:
        TopologicalSorter(_waits(subject)).prepare()
    except CycleError as error:
        yield "", f"steps wait for each other in a circle: {' -> '.join(error.args[1])}"


@rule(
    "reachable",
    "Of a condition's branches one is taken: a step that waits for steps of both never runs, and its execution fails.",
)
def reachable(subject: Subject) -> Faults:
    """Steps that wait, even through others, for both branches of a condition."""
    waits, steps = _waits(subject), subject.by_name()
    try:
        order = list(TopologicalSorter(waits).static_order())
    except CycleError:
        return
    taken: dict[str, dict[str, bool]] = {}
    for name in order:
        step = steps[name]
        taken[name] = {} if step.condition is None else {step.condition: step.branch}
        for other in sorted(waits[name]):
            for condition, branch in taken[other].items():
                if taken[name].setdefault(condition, branch) != branch:
                    yield name, f"through {other!r} it waits for both branches of the condition {condition!r}"


def _waits(subject: Subject) -> dict[str, set[str]]:
    """Names of the existing steps that each step waits for."""
    steps = subject.by_name()
    return {name: {other for other in waited_for(step) if other in steps} for name, step in steps.items()}


def waited_for(step: Step) -> Iterator[str]:
    """Names of what a step waits for: references, DependsOn, and the condition above it."""
    yield from (found.name for found in references_in(step.written) if found.kind in ("step", "file"))
    yield from step.depends_on
    if step.condition is not None:
        yield step.condition


def _file_names(step: Step) -> list[object]:
    return [file.get("PropertyFileName") for file in objects(step.body, "PropertyFiles")]


def _known(step: Step) -> KnownStep:
    """The step in the form in which its properties are known."""
    outputs: list[Json] = [each for each in objects(step.body, "OutputParameters") if "OutputName" in each]
    return KnownStep.model_construct(
        name=step.name,
        type=step.type,
        arguments=step.arguments,
        output_parameters=[OutputParameter.model_construct(name=each["OutputName"], type="String") for each in outputs],
    )

"""What the rules look at: a definition, read as far as it can be read, with parameters at their defaults."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pipelines.checks.look import Json
from pipelines.checks.values import with_defaults
from pipelines.local.definitions.definition import is_flat

BRANCHES = {"IfSteps": True, "ElseSteps": False}


@dataclass(frozen=True)
class Step:
    """A step.

    Attributes:
        name: its name.
        type: such as `Processing`.
        body: the step as the definition writes it.
        written: its arguments without the steps in its branches.
        arguments: the same, with parameters at their defaults.
        condition: name of the condition step in one of whose branches it stands, if any.
        branch: the condition's outcome under which it runs.
    """

    name: str
    type: str
    body: Json
    written: Json
    arguments: Json
    condition: str | None = None
    branch: bool = True

    @property
    def depends_on(self) -> list[str]:
        """Names of the steps that it waits for without a reference."""
        return [name for name in self.body.get("DependsOn", []) if isinstance(name, str)]


@dataclass(frozen=True)
class Subject:
    """A definition that is checked.

    Attributes:
        text: the definition as it was given.
        pipeline: the pipeline's name.
        bucket: name of the project's own bucket.
        parameters: those that are declared.
        steps: every step that can be read, those of branches after their condition.
        unreadable: the faults of form that kept something from being read: step and sentence.
    """

    text: str
    pipeline: str
    bucket: str
    parameters: tuple[Json, ...] = ()
    steps: tuple[Step, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()

    def by_name(self) -> dict[str, Step]:
        """The steps by name."""
        return {step.name: step for step in self.steps}


@dataclass
class _Reader:
    defaults: Json
    steps: list[Step] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)

    def read(self, found: Any, where: str, condition: str | None = None, branch: bool = True) -> None:
        for index, body in enumerate(self._list(found, where)):
            fault = _fault_of_form(body)
            if fault:
                name = body.get("Name") if isinstance(body, dict) else None
                self.faults.append((name if isinstance(name, str) else "", f"{where}[{index}] {fault}"))
                continue
            nested = {key: body["Arguments"].get(key, []) for key in BRANCHES if body["Type"] == "Condition"}
            written = {key: value for key, value in body["Arguments"].items() if key not in nested}
            arguments = {key: with_defaults(value, self.defaults) for key, value in written.items()}
            self.steps.append(Step(body["Name"], body["Type"], body, written, arguments, condition, branch))
            for key, steps in nested.items():
                self.read(steps, f"{body['Name']}.{key}", body["Name"], BRANCHES[key])

    def _list(self, found: Any, where: str) -> list[Any]:
        if isinstance(found, list):
            return found
        self.faults.append(("", f"{where} must be a list"))
        return []


def read(text: str, pipeline: str, bucket: str) -> Subject:
    """Read a definition; what cannot be read is told by the subject's `unreadable`."""
    try:
        document = json.loads(text)
        json.dumps(document, ensure_ascii=False).encode()  # half of a surrogate pair is JSON, but no text
    except (ValueError, RecursionError) as error:
        return Subject(text, pipeline, bucket, unreadable=(("", f"the definition is not JSON: {error}"),))
    if not isinstance(document, dict) or not is_flat(document):
        fault = "the definition must be a JSON object, nested no deeper than pipelines are"
        return Subject(text, pipeline, bucket, unreadable=(("", fault),))
    parameters = tuple(_parameters(document.get("Parameters", [])))
    reader = _Reader({each["Name"]: each["DefaultValue"] for each in parameters if "DefaultValue" in each})
    reader.read(document.get("Steps"), "Steps")
    faults = [*_faults_of_frame(document, len(parameters)), *reader.faults]
    return Subject(text, pipeline, bucket, parameters, tuple(reader.steps), tuple(faults))


def _parameters(found: Any) -> Iterator[Json]:
    for each in found if isinstance(found, list) else []:
        if isinstance(each, dict) and isinstance(each.get("Name"), str):
            yield each


def _faults_of_frame(document: Json, readable: int) -> Iterator[tuple[str, str]]:
    if document.get("Version") != "2020-12-01":
        yield "", f"Version is {document.get('Version')!r}: the schema of definitions is 2020-12-01"
    found = document.get("Parameters", [])
    if not isinstance(found, list) or len(found) != readable:
        yield "", "Parameters must be a list of objects, each with a Name"
    if document.get("Steps") == []:
        yield "", "Steps is empty: a pipeline has at least one step"


def _fault_of_form(body: Any) -> str | None:
    if not isinstance(body, dict):
        return "must be an object"
    for key, kind, word in (("Name", str, "a text"), ("Type", str, "a text"), ("Arguments", dict, "an object")):
        if not isinstance(body.get(key), kind):
            return f"must have {key}, {word}"
    for key in ("DependsOn", "PropertyFiles", "RetryPolicies", "OutputParameters"):
        if not isinstance(body.get(key, []), list):
            return f"must have {key} as a list"
    return None

"""A pipeline definition as the engine sees it: parameters, and steps with what each waits for.

The JSON is AWS's pipeline definition schema, version 2020-12-01, as `sagemaker.workflow` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipelines.local.aws import Json, invalid
from pipelines.local.definitions.expressions import references
from pipelines.local.definitions.parameters import Parameter
from pipelines.local.definitions.policies import CacheConfig, RetryPolicy

_DEEPEST = 60  # levels of nesting; the engine walks definitions recursively

StepName = Annotated[str, Field(pattern=r"^[A-Za-z0-9](-*[A-Za-z0-9]){0,63}$")]


class PropertyFile(BaseModel):
    """A JSON file among a processing step's outputs which expressions may read."""

    model_config = ConfigDict(frozen=True, strict=True)

    name: str = Field(alias="PropertyFileName", min_length=1)
    output: str = Field(alias="OutputName", min_length=1)
    path: str = Field(alias="FilePath", min_length=1)


class OutputParameter(BaseModel):
    """A value that a Lambda step takes from its function's answer."""

    model_config = ConfigDict(frozen=True, strict=True)

    name: str = Field(alias="OutputName", min_length=1)
    type: Literal["String", "Integer", "Boolean", "Float"] = Field(alias="OutputType")


class Step(BaseModel):
    """One step, as the definition writes it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    name: StepName = Field(alias="Name")
    type: str = Field(alias="Type")
    arguments: dict[str, Any] = Field(alias="Arguments")
    display_name: str | None = Field(None, alias="DisplayName", max_length=256)
    description: str | None = Field(None, alias="Description", max_length=3072)
    depends_on: list[str] = Field(default_factory=list, alias="DependsOn")
    property_files: list[PropertyFile] = Field(default_factory=list, alias="PropertyFiles")
    retry_policies: list[RetryPolicy] = Field(default_factory=list, alias="RetryPolicies")
    cache_config: CacheConfig | None = Field(None, alias="CacheConfig")
    function_arn: str | None = Field(None, alias="FunctionArn")
    output_parameters: list[OutputParameter] = Field(default_factory=list, alias="OutputParameters")

    @property
    def own_arguments(self) -> Json:
        """The arguments without the steps nested in them."""
        return {key: value for key, value in self.arguments.items() if key not in ("IfSteps", "ElseSteps")}


class _Document(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    version: Literal["2020-12-01"] = Field(alias="Version")
    parameters: list[Parameter] = Field(default_factory=list, alias="Parameters")
    steps: list[Step] = Field(alias="Steps", min_length=1)
    metadata: Any = Field(None, alias="Metadata")
    experiment: dict[str, Any] | None = Field(None, alias="PipelineExperimentConfig")


@dataclass(frozen=True)
class Node:
    """A step in the graph.

    Attributes:
        step: the step.
        condition: the condition step in one of whose branches it stands, if any.
        branch: the condition's outcome under which it runs.
    """

    step: Step
    condition: str | None = None
    branch: bool = True

    @cached_property
    def waits_for(self) -> frozenset[str]:
        """Names of the steps that must have succeeded before this one starts."""
        used = {item.name for item in references(self.step.own_arguments) if item.kind in ("step", "file")}
        above = {self.condition} if self.condition else set()
        return frozenset(used | set(self.step.depends_on) | above)


@dataclass(frozen=True)
class Definition:
    """A parsed definition; `pipelines.local.definitions.validation` tells whether it can run.

    Attributes:
        text: the JSON as it was given.
        parameters: in the order of their declaration.
        nodes: every step in the order of the text, those of branches after their condition.
        experiment: the names of the experiment and the trial of its executions, with expressions in them; or None.
    """

    text: str
    parameters: tuple[Parameter, ...]
    nodes: tuple[Node, ...]
    experiment: Json | None = None

    @cached_property
    def steps(self) -> dict[str, Step]:
        """The steps by name."""
        return {node.step.name: node.step for node in self.nodes}


_steps = TypeAdapter(list[Step])


def parse(text: str) -> Definition:
    """Read a definition's JSON.

    Raises:
        ApiError: it is not JSON, or not of the form of a definition; the message says where.
    """
    try:
        document = _Document.model_validate_json(text)
    except ValidationError as error:
        raise invalid(f"The pipeline definition is not valid: {_first(error)}") from error
    if not is_flat([step.arguments for step in document.steps]):
        raise invalid(f"The pipeline definition is nested deeper than {_DEEPEST} levels.")
    nodes = tuple(_nodes(document.steps))
    return Definition(text, tuple(document.parameters), nodes, document.experiment)


def _nodes(steps: list[Step], condition: str | None = None, branch: bool = True) -> Iterator[Node]:
    for step in steps:
        yield Node(step, condition, branch)
        if step.type == "Condition":
            yield from _nodes(_branch(step, "IfSteps"), step.name, True)
            yield from _nodes(_branch(step, "ElseSteps"), step.name, False)


def _branch(step: Step, key: str) -> list[Step]:
    try:
        return _steps.validate_python(step.arguments.get(key, []))
    except ValidationError as error:
        raise invalid(f"{key} of the condition step '{step.name}' is not valid: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    """The first problem that pydantic found, as a sentence."""
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where + ': ' if where else ''}{problem['msg']}."


def is_flat(value: object) -> bool:
    """Whether the nesting is shallow enough, found without recursion."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for item in level
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return True
    return False

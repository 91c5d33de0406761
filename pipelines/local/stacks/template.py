"""A template, its sections checked, and the order in which its resources depend on each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pipelines.local.aws import Json
from pipelines.local.stacks.errors import refused
from pipelines.local.stacks.loader import load

_SECTIONS = (
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
)
_OF_OBJECTS = ("Parameters", "Mappings", "Outputs", "Resources")
_UNKNOWN_HERE = ("Hooks", "Transform")
_RESOURCE_FIELDS = (
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
)
_LOGICAL_ID = re.compile(r"[A-Za-z0-9]{1,255}")
_TYPE = re.compile(r"(AWS::[A-Za-z0-9]+::[A-Za-z0-9]+(::[A-Za-z0-9]+)?)|(Custom::[\w@-]{1,60})")
_SUBSTITUTED = re.compile(r"\$\{([^!}][^}]*)\}")
_MOST_RESOURCES = 500  # CloudFormation's quota


@dataclass(frozen=True)
class Template:
    """A template.

    Attributes:
        text: as it was given.
        description: of the whole.
        metadata, parameters, mappings, conditions, resources, outputs: its sections, by logical ID.
    """

    text: str
    description: str | None
    metadata: Json
    parameters: Json
    mappings: Json
    conditions: Json
    resources: Json
    outputs: Json

    def order(self) -> list[str]:
        """The resources, each after those which it needs."""
        needs = {name: self.needs(name) for name in self.resources}
        try:
            return list(TopologicalSorter(needs).static_order())
        except CycleError as error:
            cycle = ", ".join(sorted(set(error.args[1])))
            raise refused(f"Circular dependency between resources: [{cycle}]") from error

    def needs(self, name: str) -> list[str]:
        """The resources that one depends on, because it refers to them or says so."""
        resource = self.resources[name]
        explicit = resource.get("DependsOn", [])
        explicit = [explicit] if isinstance(explicit, str) else list(explicit)
        implicit = (each for each in references(resource.get("Properties", {})) if each in self.resources)
        return list(dict.fromkeys([*explicit, *implicit]))


def read(text: str) -> Template:
    """Read a template.

    Raises:
        ApiError: it is not well-formed, or refers to what it does not hold.
    """
    found = load(text)
    try:
        return _checked(text, found)
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError) as error:  # of another form somewhere
        raise refused(f"Template format error: unsupported structure. ({type(error).__name__}: {error})") from error


def _checked(text: str, found: Json) -> Template:
    unknown = [name for name in found if name not in _SECTIONS]
    if unknown:
        raise refused(f"Invalid template property or properties [{', '.join(unknown)}]")
    for name in _UNKNOWN_HERE:
        if found.get(name):
            raise refused(f"The embedded SageMaker does not know the section {name} of a template.")
    sections = {name: _section(found, name) for name in ("Metadata", "Parameters", "Mappings", "Conditions", "Outputs")}
    resources = _section(found, "Resources")
    if not 1 <= len(resources) <= _MOST_RESOURCES:
        raise refused("Template format error: At least one Resources member must be defined, and at most 500.")
    for name, resource in resources.items():
        _check_resource(name, resource)
    template = Template(
        text,
        found.get("Description"),
        sections["Metadata"],
        sections["Parameters"],
        sections["Mappings"],
        sections["Conditions"],
        resources,
        sections["Outputs"],
    )
    _check_references(template)
    template.order()
    return template


def references(value: Any) -> Iterator[str]:
    """The logical IDs and pseudo parameters that an expression refers to."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key == "Ref" and isinstance(inner, str):
            yield inner
        elif key == "Fn::GetAtt":
            yield inner.partition(".")[0] if isinstance(inner, str) else inner[0]
        elif key == "Fn::Sub":
            yield from _substituted(inner)
        else:
            yield from references(inner)


def _substituted(value: Any) -> Iterator[str]:
    text, own = (value[0], value[1]) if isinstance(value, list) else (value, {})
    for name in _SUBSTITUTED.findall(str(text)):
        if name not in own:
            yield name.strip().partition(".")[0]
    yield from references(own)


def _section(found: Mapping[str, Any], name: str) -> Json:
    section = found.get(name) or {}
    if not isinstance(section, dict):
        raise refused(f"Template format error: [/{name}] must be an object.")
    if name in _OF_OBJECTS and not all(isinstance(each, dict) for each in section.values()):
        raise refused(f"Template format error: every member of [/{name}] must be an object.")
    return section


def _check_resource(name: str, resource: Any) -> None:
    if not _LOGICAL_ID.fullmatch(name):
        raise refused(f"Template format error: Resource name {name} is non alphanumeric.")
    if not isinstance(resource.get("Type"), str):
        raise refused(f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member.")
    if not _TYPE.fullmatch(resource["Type"]):
        raise refused(f"Template format error: Unrecognized resource types: [{resource['Type']}]")
    unknown = [field for field in resource if field not in _RESOURCE_FIELDS]
    if unknown:
        raise refused(f"Invalid template resource property '{unknown[0]}' of {name}")


def _check_references(template: Template) -> None:
    known = {*template.parameters, *template.resources}
    for name, resource in template.resources.items():
        missing = [each for each in _named(template, name) if each not in known and not each.startswith("AWS::")]
        if missing:
            raise refused(
                f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] in the Resources "
                "block of the template"
            )
        condition = resource.get("Condition")
        if condition is not None and condition not in template.conditions:
            raise refused(f"Template format error: Unresolved condition {condition} of the resource {name}.")
    missing = [each for each in references(template.outputs) if each not in known and not each.startswith("AWS::")]
    if missing:
        raise refused(
            f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] in the Outputs block of "
            "the template"
        )


def _named(template: Template, name: str) -> Iterator[str]:
    yield from references(template.resources[name].get("Properties", {}))
    explicit = template.resources[name].get("DependsOn", [])
    yield from [explicit] if isinstance(explicit, str) else explicit

"""What a template would change in a stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pipelines.local.aws import ACCOUNT, REGION, Json
from pipelines.local.stacks.catalog import kind_of
from pipelines.local.stacks.errors import refused
from pipelines.local.stacks.expressions import NO_VALUE, Scope
from pipelines.local.stacks.kinds import changed
from pipelines.local.stacks.parameters import meanings
from pipelines.local.stacks.record import StackRecord, Stacks
from pipelines.local.stacks.template import Template

LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"  # CloudFormation's word for what nobody can tell yet


class Action(Enum):
    """What happens to a resource."""

    ADD = "Add"
    MODIFY = "Modify"
    REPLACE = "Replace"
    REMOVE = "Remove"


@dataclass(frozen=True)
class Change:
    """What happens to one resource.

    Attributes:
        action: what.
        logical_id: to which.
        type: of which type.
        physical_id: of the one that there is; empty where there is none.
        properties: those that differ.
    """

    action: Action
    logical_id: str
    type: str
    physical_id: str = ""
    properties: tuple[str, ...] = ()

    def document(self) -> Json:
        """As a description of a change set shows it."""
        replaced = self.action is Action.REPLACE
        change: Json = {
            "Action": Action.MODIFY.value if replaced else self.action.value,
            "LogicalResourceId": self.logical_id,
            "ResourceType": self.type,
        }
        if self.physical_id:
            change["PhysicalResourceId"] = self.physical_id
        if self.action in (Action.MODIFY, Action.REPLACE):
            change["Replacement"] = "True" if replaced else "False"
            change["Scope"] = ["Tags" if self.properties == ("Tags",) else "Properties"]
            change["Details"] = [_detail(name, recreated=replaced) for name in self.properties]
        return {"Type": "Resource", "ResourceChange": change}


def _detail(name: str, *, recreated: bool) -> Json:
    target = {
        "Attribute": "Tags" if name == "Tags" else "Properties",
        "Name": name,
        "RequiresRecreation": "Always" if recreated else "Never",
    }
    return {"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}


class Names:
    """What `Ref` and `Fn::GetAtt` give for the resources of a stack.

    Args:
        stack: the stack.
        unknown: logical IDs of the resources that are still to be made; None where those that are missing are an error.
    """

    def __init__(self, stack: StackRecord, unknown: set[str] | None = None) -> None:
        self._stack = stack
        self._unknown = unknown

    def ref(self, name: str) -> str:
        """The physical ID of a resource."""
        return LATER if self._is_unknown(name) else self._stack.resources[name].physical_id

    def attribute(self, name: str, attribute: str) -> Any:
        """An attribute of a resource."""
        return LATER if self._is_unknown(name) else self._stack.resources[name].attribute(attribute)

    def _is_unknown(self, name: str) -> bool:
        if self._unknown is not None and (name in self._unknown or name not in self._stack.resources):
            return True
        if name not in self._stack.resources:
            raise refused(f"Template format error: Unresolved resource dependencies [{name}]")
        return False


def scope(template: Template, stack: StackRecord, parameters: dict[str, str], names: Names, stacks: Stacks) -> Scope:
    """What names stand for in a template that is applied to a stack."""
    pseudo = {
        "AWS::AccountId": ACCOUNT,
        "AWS::NotificationARNs": [],
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::StackId": stack.id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": "amazonaws.com",
    }

    def exported(name: str) -> str:
        found = stacks.exports().get(name)
        if found is None:
            raise refused(f"No export named {name} found.")
        value: str = found["OutputValue"]
        return value

    given = {**meanings(template.parameters, parameters), **pseudo}
    return Scope(given, template.mappings, template.conditions, names.ref, names.attribute, exported)


def wanted(template: Template, scope: Scope) -> list[str]:
    """The resources whose conditions hold, each after those which it needs."""
    resources = template.resources
    return [
        name
        for name in template.order()
        if "Condition" not in resources[name] or scope.met(resources[name]["Condition"])
    ]


def properties(template: Template, scope: Scope, name: str) -> Json:
    """The properties of a resource, evaluated."""
    found = scope.resolve(template.resources[name].get("Properties") or {})
    if found is NO_VALUE or not isinstance(found, dict):
        raise refused(f"Template format error: the Properties of {name} must be an object.")
    return found


def preview(template: Template, stack: StackRecord, parameters: dict[str, str], stacks: Stacks) -> Sequence[Change]:
    """What would happen to each resource that does not stay as it is, in the order of the template's needs.

    Raises:
        ApiError: the template cannot be evaluated, or asks for a type that there is not.
    """
    unknown: set[str] = set()
    evaluated = scope(template, stack, parameters, Names(stack, unknown), stacks)
    names = wanted(template, evaluated)
    found: list[Change] = []
    for name in names:
        kind, resource_type = kind_of(template.resources[name]["Type"]), template.resources[name]["Type"]
        after, present = properties(template, evaluated, name), stack.resources.get(name)
        if present is None:
            unknown.add(name)
            found.append(Change(Action.ADD, name, resource_type))
            continue
        differing = tuple(changed(present.properties, after))
        if present.type != resource_type or (differing and kind.replaces(present.properties, after)):
            unknown.add(name)
            found.append(Change(Action.REPLACE, name, resource_type, present.physical_id, differing))
        elif differing:
            found.append(Change(Action.MODIFY, name, resource_type, present.physical_id, differing))
    gone = [each for name, each in stack.resources.items() if name not in names]
    removed = [Change(Action.REMOVE, each.logical_id, each.type, each.physical_id) for each in gone]
    return [*found, *removed]

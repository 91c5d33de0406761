"""CloudFormation's intrinsic functions: what an expression of a template stands for."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from pipelines.local.aws import REGION, Json
from pipelines.local.stacks.errors import refused

_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")
_MOST_SUBNETS = 256  # that Fn::Cidr gives
_ZONES = "abcdef"  # of us-east-1


class _NoValue:
    """What `AWS::NoValue` stands for: a property, or an item of a list, that is not there."""


NO_VALUE = _NoValue()


class Scope:
    """What names stand for while a template is evaluated.

    Args:
        values: of parameters and pseudo parameters.
        mappings: the template's.
        conditions: the template's, not evaluated yet.
        ref: what `Ref` gives for a resource.
        attribute: what `Fn::GetAtt` gives for a resource and the name of an attribute.
        exported: what `Fn::ImportValue` gives for a name.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        mappings: Json,
        conditions: Json,
        ref: Callable[[str], Any],
        attribute: Callable[[str, str], Any],
        exported: Callable[[str], str],
    ) -> None:
        self._values = values
        self._mappings = mappings
        self._conditions = conditions
        self._ref = ref
        self._attribute = attribute
        self._exported = exported
        self._met: dict[str, bool | None] = {}  # None while it is being evaluated
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._of_ref,
            "Condition": self.met,
            "Fn::And": lambda value: all(self.resolve(each) for each in value),
            "Fn::Base64": lambda value: base64.b64encode(str(self.resolve(value)).encode()).decode(),
            "Fn::Cidr": self._cidr,
            "Fn::Equals": lambda value: as_text(self.resolve(value[0])) == as_text(self.resolve(value[1])),
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAZs": lambda _: [f"{REGION}{zone}" for zone in _ZONES],
            "Fn::GetAtt": self._get_att,
            "Fn::If": lambda value: self.resolve(value[1 if self.met(value[0]) else 2]),
            "Fn::ImportValue": lambda value: self._exported(str(self.resolve(value))),
            "Fn::Join": lambda value: value[0].join(as_text(each) for each in self.resolve(value[1])),
            "Fn::Length": lambda value: len(self.resolve(value)),
            "Fn::Not": lambda value: not self.resolve(value[0]),
            "Fn::Or": lambda value: any(self.resolve(each) for each in value),
            "Fn::Select": self._select,
            "Fn::Split": lambda value: str(self.resolve(value[1])).split(value[0]),
            "Fn::Sub": self._sub,
            "Fn::ToJsonString": lambda value: json.dumps(self.resolve(value), separators=(",", ":")),
        }

    def resolve(self, value: Any) -> Any:
        """What an expression stands for; what is none stays as it is.

        Raises:
            ApiError: it is not formed as CloudFormation wants it, or names what there is not.
        """
        if isinstance(value, list):
            found = [self.resolve(each) for each in value]
            return [each for each in found if each is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, inner),) = value.items()
            # `Condition` is also a part of policies, where an object stands below it.
            if key in self._functions and (key != "Condition" or isinstance(inner, str)):
                return self._call(key, inner)
            if key.startswith("Fn::"):
                raise refused(f"Template error: the embedded SageMaker does not know the function {key}.")
        resolved = {key: self.resolve(inner) for key, inner in value.items()}
        return {key: inner for key, inner in resolved.items() if inner is not NO_VALUE}

    def met(self, name: Any) -> bool:
        """Whether a condition of the template holds."""
        if name not in self._conditions:
            raise refused(f"Template format error: Unresolved dependencies [{name}]. Cannot reference conditions.")
        if name not in self._met:
            self._met[name] = None
            self._met[name] = bool(self.resolve(self._conditions[name]))
        met = self._met[name]
        if met is None:
            raise refused(f"Template format error: the condition {name} refers to itself.")
        return met

    def _call(self, function: str, value: Any) -> Any:
        try:
            return self._functions[function](value)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise refused(f"Template error: {function} cannot be evaluated with {json.dumps(value)[:200]}.") from error

    def _of_ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        return self._values[name] if name in self._values else self._ref(name)

    def _get_att(self, value: Any) -> Any:
        name, attribute = value.split(".", 1) if isinstance(value, str) else value
        return self._attribute(name, str(self.resolve(attribute)))

    def _find_in_map(self, value: list[Any]) -> Any:
        name, first, second = (self.resolve(each) for each in value[:3])
        found = self._mappings.get(name, {}).get(as_text(first), {})
        if second in found:
            return found[second]
        if len(value) == 4:
            return self.resolve(value[3]["DefaultValue"])
        raise refused(f"Template error: Unable to get mapping for {name}::{first}::{second}")

    def _select(self, value: list[Any]) -> Any:
        index, items = int(self.resolve(value[0])), self.resolve(value[1])
        if not 0 <= index < len(items):
            raise refused(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
        return items[index]

    def _sub(self, value: Any) -> str:
        text, own = (value[0], self.resolve(value[1])) if isinstance(value, list) else (value, {})

        def fill(match: re.Match[str]) -> str:
            literal, name = match[1], match[2].strip()
            if literal:
                return f"${{{match[2]}}}"
            if name in own:
                return as_text(own[name])
            return as_text(self._get_att(name) if "." in name else self._of_ref(name))

        return _VARIABLE.sub(fill, text)

    def _cidr(self, value: list[Any]) -> list[str]:
        block, count, bits = (self.resolve(each) for each in [*value, 8][:3])
        network = ipaddress.ip_network(block)
        subnets = network.subnets(new_prefix=network.max_prefixlen - int(bits))
        return [str(subnet) for subnet in islice(subnets, min(int(count), _MOST_SUBNETS))]


def as_text(value: Any) -> str:
    """A value as CloudFormation writes it in a text: what is `true` in YAML is so there too."""
    return str(value).lower() if isinstance(value, bool) else str(value)

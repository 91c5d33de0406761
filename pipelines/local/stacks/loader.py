"""Reads the text of a template: JSON, or YAML with CloudFormation's short forms such as `!Ref` and `!Sub`."""

from __future__ import annotations

import json
from typing import Any

import yaml

from pipelines.local.aws import Json
from pipelines.local.stacks.errors import refused

_WITHOUT_PREFIX = ("Ref", "Condition")  # the short forms whose long forms do not begin with `Fn::`
_DATES = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """YAML as CloudFormation reads it: a date such as 2012-10-17 is a text, no key stands twice, no alias is used.

    With aliases a short text could stand for more than memory holds.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Read a node."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "aliases are not supported", mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _DATES]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)  # JSON is YAML too, which is read a hundred times slower
    except ValueError:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader with more tags


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a text", key_node.start_mark)
        if str(key) in found:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key} stands twice", key_node.start_mark)
        found[str(key)] = loader.construct_object(value_node, deep=True)
    return found


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> Json:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in _WITHOUT_PREFIX else f"Fn::{suffix}": value}


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_multi_constructor("!", _short_form)


def load(text: str) -> Json:
    """The template as an object.

    Raises:
        ApiError: it is neither JSON nor YAML, or no object.
    """
    try:
        found = _parsed(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise refused(f"Template format error: neither JSON nor YAML is well-formed. ({reason})") from error
    if not isinstance(found, dict):
        raise refused("Template format error: unsupported structure.")
    return found

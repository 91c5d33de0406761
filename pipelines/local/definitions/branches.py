"""Refuses steps that wait for one of which it is certain that it never runs in the same execution."""

from __future__ import annotations

from graphlib import TopologicalSorter

from pipelines.local.aws import invalid
from pipelines.local.definitions.definition import Definition, Node


def check_branches(definition: Definition) -> None:
    """Check that no step waits, even through others, for steps of both branches of a condition.

    Args:
        definition: one whose steps do not wait for each other in a circle.

    Raises:
        ApiError: a step could never run.
    """
    nodes = {node.step.name: node for node in definition.nodes}
    taken: dict[str, dict[str, bool]] = {}
    order = TopologicalSorter({name: node.waits_for for name, node in nodes.items()}).static_order()
    for name in order:
        branches = _own_branch(nodes[name])
        for other in sorted(nodes[name].waits_for):
            for condition, branch in taken[other].items():
                if branches.setdefault(condition, branch) != branch:
                    raise invalid(
                        f"The step '{name}' can never run: it waits for '{other}', and with it for both branches of "
                        f"the condition '{condition}', of which only one is taken."
                    )
        taken[name] = branches


def _own_branch(node: Node) -> dict[str, bool]:
    return {} if node.condition is None else {node.condition: node.branch}

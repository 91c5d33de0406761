"""All rules, by name, in the order of their families."""

from pipelines.checks import combinations, graph, limits, operation, protection, shapes
from pipelines.checks.rule import Rule

RULES: dict[str, Rule] = {
    found.name: found
    for family in (shapes, limits, combinations, graph, protection, operation)
    for found in vars(family).values()
    if isinstance(found, Rule)
}

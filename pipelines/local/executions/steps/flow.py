"""Steps that decide how an execution goes on: Condition, Fail."""

from __future__ import annotations

from pipelines.local.definitions.conditions import holds
from pipelines.local.definitions.expressions import as_text, resolve
from pipelines.local.executions.turns import StepFailed, Turn


def condition(turn: Turn) -> None:
    """Note whether all conditions hold; the engine takes the branch."""
    outcome = all(holds(each, turn.scope) for each in turn.step.arguments["Conditions"])
    turn.run.outcome = outcome
    turn.run.metadata = {"Condition": {"Outcome": str(outcome)}}
    turn.run.properties = {"Outcome": str(outcome)}


def fail(turn: Turn) -> None:
    """Fail with the message that the definition gives."""
    message = as_text(resolve(turn.step.arguments["ErrorMessage"], turn.scope))
    turn.run.metadata = {"Fail": {"ErrorMessage": message}}
    raise StepFailed(message)

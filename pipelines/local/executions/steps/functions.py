"""Steps that call a function and take values from its answer: Lambda."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pipelines.local.aws import Json, shorten
from pipelines.local.definitions.definition import OutputParameter
from pipelines.local.definitions.expressions import as_text, resolve
from pipelines.local.executions.turns import StepFailed, StepStopped, Turn

_LONGEST_SECONDS = 600.0  # AWS's limit of a Lambda step
_LONGEST_PAYLOAD = 600  # characters of a failed function's answer in the step's reason

# How the text of a value of each type looks; the SDK's documentation lets a function answer with text as well.
_FORMS = {
    "String": re.compile(r".*", re.DOTALL),
    "Integer": re.compile(r"[+-]?\d{1,30}"),
    "Float": re.compile(r"[+-]?(\d{1,200}(\.\d{0,200})?|\.\d{1,200})([eE][+-]?\d{1,2})?"),
    "Boolean": re.compile(r"true|false", re.IGNORECASE),
}
_PARSERS: dict[str, Callable[[str], Any]] = {
    "String": str,
    "Integer": int,
    "Float": float,
    "Boolean": lambda text: text.lower() == "true",
}


def function(turn: Turn) -> None:
    """Invoke the function with the step's arguments."""
    arn = str(turn.step.function_arn)
    event = resolve(turn.step.arguments, turn.scope)
    turn.note("Invoke", {"FunctionName": arn}, "lambda")
    outcome = turn.services.functions.invoke(arn, event, longest_seconds=_LONGEST_SECONDS)
    if turn.execution.stopping:
        raise StepStopped
    if outcome.failed:
        text = shorten(outcome.payload.decode(errors="replace"), _LONGEST_PAYLOAD)
        raise StepFailed(f"ClientError: The function {arn} ended with an error: {text}")
    outputs = _outputs(turn.step.output_parameters, outcome.answer)
    turn.run.metadata = {
        "Lambda": {
            "Arn": arn,
            "OutputParameters": [{"Name": name, "Value": as_text(value)} for name, value in outputs.items()],
        }
    }
    turn.run.properties = {"OutputParameters": outputs}


def _outputs(parameters: list[OutputParameter], answer: Any) -> Json:
    """The declared values of a function's answer.

    Raises:
        StepFailed: one is missing, or not of its type.
    """
    if parameters and not isinstance(answer, dict):
        raise StepFailed("ClientError: The function's answer must be a JSON object that holds the OutputParameters.")
    missing = [each.name for each in parameters if each.name not in answer]
    if missing:
        raise StepFailed(f"ClientError: The function's answer lacks the OutputParameters {', '.join(missing)}.")
    return {each.name: _typed(each, answer[each.name]) for each in parameters}


def _typed(parameter: OutputParameter, value: Any) -> Any:
    if isinstance(value, (str, int, float)):
        text = as_text(value)
        if _FORMS[parameter.type].fullmatch(text):
            return _PARSERS[parameter.type](text)
    raise StepFailed(
        f"ClientError: The OutputParameter '{parameter.name}' must be of type {parameter.type}, "
        f"not {shorten(repr(value), 100)}."
    )

"""Values of a definition: parameters replaced by their defaults, and what is known of a text before it runs."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ValidationError

from pipelines.checks.look import at
from pipelines.local.definitions.expressions import ExpressionError, Reference, is_expression, references


def with_defaults(value: Any, defaults: Mapping[str, Any]) -> Any:
    """`value` with each parameter that has a default replaced by it, and joins of what is then known joined."""
    if isinstance(value, list):
        return [with_defaults(item, defaults) for item in value]
    if not isinstance(value, dict):
        return value
    if not is_expression(value):
        return {key: with_defaults(item, defaults) for key, item in value.items()}
    reference = value.get("Get")
    if isinstance(reference, str):
        root, _, name = reference.partition(".")
        return defaults[name] if root == "Parameters" and name in defaults else value
    form, body = next(iter(value.items()))
    replaced = with_defaults(body, defaults)
    parts = at(replaced, "Values")
    if form == "Std:Join" and isinstance(parts, list) and not any(isinstance(part, dict | list) for part in parts):
        return str(at(replaced, "On")).join(map(str, parts))
    return {form: replaced}


def written_text(value: Any) -> str | None:
    """A text with `{...}` where a part is known only when the pipeline runs; None for what is no text at all."""
    if isinstance(value, str):
        return value
    if not is_expression(value):
        return None
    form, body = next(iter(value.items()))
    parts = at(body, "Values")
    if form == "Std:Join" and isinstance(parts, list):
        return str(at(body, "On")).join(written_text(part) or str(part) for part in parts)
    return "{" + (body if form == "Get" and isinstance(body, str) else form) + "}"


def references_in(value: Any) -> list[Reference]:
    """The references inside a value, up to the first that is malformed."""
    found: list[Reference] = []
    with suppress(ExpressionError):
        for reference in references(value):
            found.append(reference)  # noqa: PERF402 - what came before a malformed one is kept
    return found


def misfits(model: type[BaseModel], value: Any, where: str) -> Iterator[str]:
    """A sentence for each way in which `value`, which stands at `where`, is not of `model`."""
    try:
        model.model_validate(value)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            yield ".".join([where, *map(str, detail["loc"])]) + f": {detail['msg']}"

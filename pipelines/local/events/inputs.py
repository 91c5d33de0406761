"""What a rule's target is given of an event: all of it, a part, a constant, or a template filled from it."""

from __future__ import annotations

import json
import re
from typing import Any

from pipelines.local.aws import Json, iso_time, now

_STEP = re.compile(r"\.([A-Za-z0-9_/-]+|\*)|\[(\d+|\*)\]|\['([^']+)'\]")
_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")
_ABSENT = object()


def select(document: Any, path: str) -> Any:
    """The part of a JSON document at a path such as `$.detail.Tags[0]`; None where there is none.

    EventBridge knows names, indices and the wildcard, which gives the list of what matches, and nothing else of
    JSONPath.
    """
    found = _walk(document, _steps(path))
    return None if found is _ABSENT else found


def payload(target: Json, event: Json, rule: tuple[str, str]) -> str:
    """The text that a target is given.

    Args:
        target: as in PutTargets.
        event: what matched the rule.
        rule: its name and its ARN.
    """
    if target.get("Input") is not None:
        text: str = target["Input"]
        return text
    if target.get("InputPath") is not None:
        return json.dumps(select(event, target["InputPath"]))
    if target.get("InputTransformer") is not None:
        return _transform(target["InputTransformer"], event, rule)
    return json.dumps(event)


def _transform(transformer: Json, event: Json, rule: tuple[str, str]) -> str:
    values: dict[str, Any] = {
        name: _walk(event, _steps(path)) for name, path in (transformer.get("InputPathsMap") or {}).items()
    }
    values |= {
        "aws.events.rule-name": rule[0],
        "aws.events.rule-arn": rule[1],
        "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": iso_time(now()),
    }
    return _fill(transformer["InputTemplate"], values)


def _fill(template: str, values: dict[str, Any]) -> str:
    """Put values in the place of `<name>`: JSON where JSON stands, else text."""
    is_json = _is_json(_PLACEHOLDER.sub("0", template))
    parts: list[str] = []
    end = 0
    for match in _PLACEHOLDER.finditer(template):
        if match[1] not in values:
            continue
        parts.append(template[end : match.start()])
        end = match.end()
        quoted = is_json and _is_open("".join(parts))
        parts.append(_write(values[match[1]], quoted=quoted, is_json=is_json))
    return "".join(parts) + template[end:]


def _write(value: Any, *, quoted: bool, is_json: bool) -> str:
    if value is _ABSENT:
        return "" if quoted or not is_json else '""'
    if is_json and not quoted:
        return json.dumps(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text)[1:-1] if quoted else text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_open(text: str) -> bool:
    """Whether JSON text ends within a string."""
    return len(re.findall(r'(?<!\\)(?:\\\\)*"', text)) % 2 == 1


def _steps(path: str) -> list[str | int]:
    """The names and indices of a path, `*` for all; a path of another form leads nowhere."""
    if not path.startswith("$"):
        return [-1]
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return [-1]
        name, index, quoted = match.groups()
        steps.append(quoted or name or ("*" if index == "*" else int(index)))
        at = match.end()
    return steps


def _walk(value: Any, steps: list[str | int]) -> Any:
    for number, step in enumerate(steps):
        if step == "*" and isinstance(value, (dict, list)):
            members = list(value.values()) if isinstance(value, dict) else value
            found = [_walk(member, steps[number + 1 :]) for member in members]
            return [each for each in found if each is not _ABSENT]
        value = _member(value, step)
        if value is _ABSENT:
            break
    return value


def _member(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(step, _ABSENT)
    in_list = isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)
    return value[step] if in_list else _ABSENT

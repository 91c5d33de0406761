"""Paths into JSON as pipelines write them: `a.b[0].c`, `Outputs['train'].S3Uri`, `['a b'].c`."""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(
    r"""\.?(?P<name>[^.\[\]'"]+)      # a.b
      | \[(?P<index>\d{1,9})\]        # [0]
      | \['(?P<single>[^']*)'\]       # ['a b']
      | \["(?P<double>[^"]*)"\]       # ["a b"]
    """,
    re.VERBOSE,
)
# SageMaker's lists of named things are looked up by name too: Outputs['train'] is the one so named.
NAMES = ("OutputName", "InputName", "ChannelName", "MetricName", "Name")


class PathError(Exception):
    """A path that is not one, or that leads nowhere; the message says where it ends."""


def parse(path: str) -> list[str | int]:
    """Split a path into names and indices.

    Raises:
        PathError: it is not a path.
    """
    rest = path.removeprefix("$")
    steps: list[str | int] = []
    position = 0
    while position < len(rest):
        found = _STEP.match(rest, position)
        if found is None or (position == 0 and rest.startswith(".") and not path.startswith("$")):
            raise PathError(f"'{path}' is not a path: it should look like a.b[0].c or ['a b'].c.")
        if found["index"] is not None:
            steps.append(int(found["index"]))
        else:
            steps.append(next(found[key] for key in ("name", "single", "double") if found[key] is not None))
        position = found.end()
    if not steps:
        raise PathError("The path is empty: it should look like a.b[0].c.")
    return steps


def look_up(value: Any, path: str) -> Any:
    """Follow a path into parsed JSON.

    Raises:
        PathError: it is not a path, or nothing is there.
    """
    walked = ""
    for step in parse(path):
        value = _enter(value, step, path, walked)
        walked += f"[{step}]" if isinstance(step, int) else f".{step}"
    return value


def _enter(value: Any, step: str | int, path: str, walked: str) -> Any:
    if isinstance(value, dict) and str(step) in value:
        return value[str(step)]
    if isinstance(value, list):
        if isinstance(step, int) and step < len(value):
            return value[step]
        for item in value:
            if isinstance(item, dict) and any(item.get(name) == step for name in NAMES):
                return item
    where = f"'{walked.lstrip('.')}'" if walked else "it"
    has = f"has only {', '.join(map(str, value)) or 'nothing'}" if isinstance(value, dict) else "has no such item"
    raise PathError(f"'{path}' leads nowhere: {where} has no '{step}' ({has[:300]}).")

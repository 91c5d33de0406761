"""Compare two pipeline definitions."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.diff.leaves import ABSENT, changes, same
from pipelines.diff.steps import Step, flattened, renamed, with_names
from pipelines.diff.values import shown
from pipelines.diff.wording import sentences, told

Definition = dict[str, Any]

SOME_STEP = "\0"
"""Stands for the names of steps while what is said of them is collected; no JSON text holds it."""


def differences(old: Definition, new: Definition) -> list[str]:
    """What has to be said of `new` by someone who knows `old`; nothing exactly when the two are the same."""
    if same(old, new):
        return []
    found = [
        *_parameters(old.get("Parameters", []), new.get("Parameters", [])),
        *_steps(old.get("Steps", []), new.get("Steps", [])),
        *(told(f"{'.'.join(change.path)} of the pipeline", change) for change in changes(_rest(old), _rest(new))),
    ]
    return list(dict.fromkeys(found)) or ["the steps are listed in another order, which changes nothing"]


def _rest(definition: Definition) -> Definition:
    return {name: value for name, value in definition.items() if name not in ("Parameters", "Steps")}


def _parameters(old: Any, new: Any) -> Iterator[str]:
    for change in changes(old or {}, new or {}):
        match change.path:
            case (name,) if change.old is ABSENT:
                yield f"parameter {name} is new, {_default(change.new)}"
            case (name,) if change.new is ABSENT:
                yield f"parameter {name} is gone"
            case (name, "DefaultValue"):
                yield told(f"the default of parameter {name}", change)
            case (name, *field):
                yield told(f"{'.'.join(field) or 'the definition'} of parameter {name}", change)
            case _:
                yield told("the list of parameters", change)


def _default(parameter: Any) -> str:
    has = isinstance(parameter, dict) and "DefaultValue" in parameter
    return f"with the default {shown(parameter['DefaultValue'])}" if has else "without a default"


def _steps(old: Any, new: Any) -> Iterator[str]:
    before, after = flattened(old), flattened(new)
    if before is None or after is None:
        yield from (told("the list of steps", change) for change in changes(old, new))
        return
    names = renamed(before, after)
    yield from (f"step {first} is now called {second}" for first, second in names.items())
    before = with_names(before, names)
    yield from (f"step {name} is gone" for name in before if name not in after)
    for name, step in after.items():
        if name not in before:
            yield f"step {name} is new: {step.body.get('Type', 'of no type')}, {step.place}"
        elif before[name].place != step.place:
            yield f"step {name} now runs {step.place}; it ran {before[name].place}"
    yield from _inside({name: (before[name], step) for name, step in after.items() if name in before})


def _inside(steps: Mapping[str, tuple[Step, Step]]) -> Iterator[str]:
    """What changed within steps; what is the same in several is said once."""
    concerned: dict[str, list[str]] = {}
    for name, (old, new) in steps.items():
        for change in changes(old.body, new.body):
            for sentence in sentences(SOME_STEP, change):
                concerned.setdefault(sentence, []).append(name)
    for sentence, names in concerned.items():
        yield sentence.replace(SOME_STEP, " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])))

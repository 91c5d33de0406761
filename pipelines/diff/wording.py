"""A change of a step, as a sentence."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from pipelines.diff.leaves import ABSENT, ORDER, Change, canonical
from pipelines.diff.values import condition, retries, shown

HASH = re.compile(r"\b[0-9a-f]{64}\b")
SHORT = 12

Show = Callable[[Any], str]


def told(what: str, change: Change, show: Show = shown) -> str:
    """`what` with what has become of it."""
    if change.old is ORDER:
        return f"{what}: the order is another"
    if change.old is ABSENT:
        return f"{what} is new: {show(change.new)}"
    if change.new is ABSENT:
        return f"{what} is gone; it was {show(change.old)}"
    return f"{what} is now {show(change.new)}; it was {show(change.old)}"


def sentences(step: str, change: Change) -> Iterator[str]:
    """What to say of a change of a step.

    Args:
        step: the name of the step, or of several.
        change: its path begins below the step.
    """
    match change.path:
        case ("DependsOn",):
            yield from _difference(change, shown, f"among the steps before {step}")
        case ("Arguments", "Conditions"):
            yield from _difference(change, condition, f"among the conditions of {step}")
        case ("RetryPolicies",):
            yield told(f"the retrying of {step}", change, retries)
        case ("CacheConfig", *rest):
            yield told(f"the reuse of earlier results of {step}{_where(rest)}", change)
        case (*_, "ImageUri" | "TrainingImage" | "Image"):
            yield told(f"the image of {step}", change, _whole)
        case _ if _other_hash(change):
            yield _hashed(step, change)
        case _:
            yield told(f"{_subject(change.path)} of {step}", change)


def _subject(path: tuple[str, ...]) -> str:
    match path:
        case (*_, "InstanceType"):
            return "the instance type"
        case (*_, "InstanceCount"):
            return "the number of instances"
        case (*_, "VolumeSizeInGB"):
            return "the disk in GB"
        case (*_, "MaxRuntimeInSeconds"):
            return "the longest running time in seconds"
        case (*_, "HyperParameters" | "StaticHyperParameters", name):
            return f"hyperparameter {name}"
        case (*_, "Environment", name):
            return f"environment variable {name}"
        case (*_, "ContainerArguments", name):
            return f"argument {name}"
        case ("Arguments", *rest):
            return ".".join(rest) or "the request"
        case _:
            return ".".join(path)


def _where(rest: list[str]) -> str:
    return f" ({'.'.join(rest)})" if rest else ""


def _difference(change: Change, show: Show, where: str) -> Iterator[str]:
    """What a list has gained and lost."""
    old, new = (_by_text(value) for value in (change.old, change.new))
    come, gone = [new[text] for text in new if text not in old], [old[text] for text in old if text not in new]
    yield from (f"{show(entry)} is new {where}" for entry in come)
    yield from (f"{show(entry)} is no longer {where}" for entry in gone)
    if not come and not gone:
        yield f"the order is another {where}"


def _by_text(value: Any) -> dict[str, Any]:
    entries = value if isinstance(value, list) else [] if value in (ABSENT, ORDER) else [value]
    return {canonical(entry): entry for entry in entries}


def _other_hash(change: Change) -> bool:
    """Whether old and new are places in S3 that differ in SHA-256 sums alone."""
    old, new = change.old, change.new
    places = isinstance(old, str) and isinstance(new, str) and old.startswith("s3://")
    return places and HASH.split(old) == HASH.split(new)


def _hashed(step: str, change: Change) -> str:
    both = zip(HASH.findall(change.old), HASH.findall(change.new), strict=True)
    old, new = [(first[:SHORT], second[:SHORT]) for first, second in both if first != second][-1]
    if change.path[-1] == "S3Uri" and "/code/" in change.new:
        return f"the code of {step} changed: it is now {new}; it was {old}"
    return f"{_subject(change.path)} of {step} follows a change of code or settings: it ends in {new}, no longer {old}"


def _whole(value: Any) -> str:
    """A text uncut: the digest of an image stands at its end."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else shown(value)

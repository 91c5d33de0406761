"""Finds the kept calls that leave no trace: writes of objects that later calls replace or delete.

Calls are read backwards, as a compiler looks for dead stores: what a later call overwrites need not be written, unless
one between them copies it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.local.persistence.effects import Effect, Kind


def superseded(effects: Sequence[Effect]) -> set[int]:
    """Indices of the calls without which the others, repeated in order, lead to the same objects.

    Buckets that ever had versioning switched on are left as they are.
    """
    versioned = {key for each in effects if each.kind is Kind.VERSIONING for key in each.keys}
    dropped: set[int] = set()
    dead: set[str] = set()  # keys whose earlier content nobody will see
    dead_uploads: set[str] = set()
    for index in reversed(range(len(effects))):
        each = effects[index]
        keys = {key for key in each.keys if key.partition("/")[0] not in versioned}
        if len(keys) == len(each.keys) and _is_dead(each, keys, dead, dead_uploads):
            dropped.add(index)
            if each.upload:
                dead_uploads.add(each.upload)
            continue
        if each.kind is Kind.UNKNOWN:
            dead.clear()
        if each.kind in (Kind.WRITE, Kind.DELETE):
            dead |= keys
        dead -= set(each.sources)
    return dropped | _idle_deletes(effects, dropped, versioned)


def _is_dead(effect: Effect, keys: set[str], dead: set[str], dead_uploads: set[str]) -> bool:
    if effect.kind is Kind.ABORT:
        return True
    if effect.kind is Kind.PART:
        return effect.upload in dead_uploads
    return effect.kind in (Kind.WRITE, Kind.CHANGE, Kind.DELETE) and keys <= dead


def _idle_deletes(effects: Sequence[Effect], dropped: set[int], versioned: set[str]) -> set[int]:
    """Deletes of objects that no call writes any more, as far as all calls are understood."""
    written: set[str] = set()
    idle: set[int] = set()
    for index, each in enumerate(effects):
        if index in dropped or any(key.partition("/")[0] in versioned for key in each.keys):
            continue
        if each.kind is Kind.UNKNOWN:
            break
        if each.kind is Kind.WRITE:
            written |= set(each.keys)
        elif each.kind is Kind.DELETE:
            if written.isdisjoint(each.keys):
                idle.add(index)
            written -= set(each.keys)
    return idle

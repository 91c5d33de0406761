"""Whatever has been done to a definition by hand, it can be compared."""

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.diff.compare import differences

GOLDEN = Path(__file__).parents[1] / "golden" / "demo.json"
COMPILED: dict[str, Any] = json.loads(GOLDEN.read_text().replace("<sha256>", "0" * 64))


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in inner for found in [(*path, key), *_places(item, (*path, key))]]


PLACES = _places(COMPILED)
hashes = st.sampled_from(["0" * 64, "1" * 64])
texts = st.text(max_size=5) | hashes | st.builds("s3://b/{}/{}".format, hashes, hashes | st.just("c"))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
keys = st.sampled_from(["Get", "Std:Join", "Type", "Name", "LeftValue", "RightValue", "ExceptionType", "MaxAttempts"])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=5
)
damages = st.lists(st.tuples(st.sampled_from(PLACES), st.none() | st.tuples(values)), min_size=1, max_size=4)


def _damaged(damage: list[tuple[tuple[Any, ...], tuple[Any] | None]]) -> dict[str, Any]:
    """The definition with other values, or none, at some places; a place that is gone by then is passed over."""
    definition = copy.deepcopy(COMPILED)
    for (*way, last), other in damage:
        place: Any = definition
        try:
            for part in way:
                place = place[part]
            if other is None:
                del place[last]
            else:
                place[last] = other[0]
        except (KeyError, IndexError, TypeError):
            continue
    return definition


@settings(max_examples=150, deadline=None)
@given(damages, damages)
def test_damaged_definitions_can_be_compared(first: Any, second: Any) -> None:
    for old, new in ((COMPILED, _damaged(first)), (_damaged(first), COMPILED), (_damaged(first), _damaged(second))):
        same = json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)
        assert (differences(old, new) == []) == same

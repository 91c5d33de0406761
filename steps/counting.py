"""Whether classes are counts: then an answer can be off by so many items; otherwise it is only right or wrong."""

from collections.abc import Sequence

_MOST_DIGITS = 9
"""A longer name is no count of things in a picture."""


def are_counts(classes: Sequence[str]) -> bool:
    """Whether `classes` are consecutive non-negative integers in order, such as "0" to "5" or "1" to "5"."""
    if not classes or not all(name.isascii() and name.isdigit() and len(name) <= _MOST_DIGITS for name in classes):
        return False
    counts = [int(name) for name in classes]
    return counts == list(range(counts[0], counts[0] + len(counts)))

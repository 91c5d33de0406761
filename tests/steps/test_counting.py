"""Which classes are counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.counting import are_counts


@given(first=st.integers(0, 10_000), length=st.integers(1, 30))
def test_consecutive_integers_in_order_are_counts(first, length):
    assert are_counts([str(first + index) for index in range(length)])


@pytest.mark.parametrize(
    "classes",
    [
        (),
        ("beagle", "boxer"),
        ("0", "2"),
        ("1", "0"),
        ("-1", "0"),
        ("0", "1", "more"),
        ("0.0", "1.0"),
        ("²", "³"),
        ("",),
    ],
    ids=repr,
)
def test_other_names_are_not(classes):
    assert not are_counts(classes)

"""What a rule's target is given of an event."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.events.inputs import payload, select

EVENT = {
    "id": "1",
    "detail-type": "T",
    "resources": ["a", "b"],
    "detail": {"name": 'say "hi"', "count": 3, "tags": [{"Key": "k"}, {"Key": "l"}], "none": None},
}
RULE = ("my-rule", "arn:rule/my-rule")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def transformed(template, **paths):
    transformer = {"InputTemplate": template, "InputPathsMap": paths}
    return payload({"InputTransformer": transformer}, EVENT, RULE)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", EVENT),
        ("$.detail-type", "T"),
        ("$['detail-type']", "T"),
        ("$.resources[1]", "b"),
        ("$.detail.tags[*].Key", ["k", "l"]),
        ("$.detail.tags[0].Key", "k"),
        ("$.detail.missing", None),
        ("$.resources[7]", None),
        ("$.resources.b", None),
        ("detail", None),
        ("$.detail..name", None),
    ],
)
def test_a_path_selects(path, expected):
    assert select(EVENT, path) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, EVENT),
        ({"Input": '{"constant": 1}'}, {"constant": 1}),
        ({"InputPath": "$.detail.count"}, 3),
        ({"InputPath": "$.detail.missing"}, None),
    ],
)
def test_a_target_is_given_the_event_a_constant_or_a_part(target, expected):
    assert json.loads(payload(target, EVENT, RULE)) == expected


def test_a_template_of_json_takes_values_within_and_outside_quotes():
    text = transformed(
        '{"name": <name>, "says": "it is <name>, \\"<count>\\"", "all": <tags>, "rule": <aws.events.rule-name>}',
        name="$.detail.name",
        count="$.detail.count",
        tags="$.detail.tags",
    )
    assert json.loads(text) == {
        "name": 'say "hi"',
        "says": 'it is say "hi", "3"',
        "all": EVENT["detail"]["tags"],
        "rule": "my-rule",
    }


def test_a_template_of_text_takes_values_as_they_are():
    assert transformed("<name> is <count>: <unknown>", name="$.detail.name", count="$.detail.count") == (
        'say "hi" is 3: <unknown>'
    )


def test_the_predefined_variables_are_the_event_with_and_without_its_detail():
    text = transformed('{"all": <aws.events.event.json>, "head": <aws.events.event>, "arn": "<aws.events.rule-arn>"}')
    head = {key: value for key, value in EVENT.items() if key != "detail"}
    assert json.loads(text) == {"all": EVENT, "head": head, "arn": "arn:rule/my-rule"}


def test_a_value_that_is_absent_leaves_valid_json():
    assert json.loads(transformed('{"a": <x>, "b": "-<x>-"}', x="$.detail.missing")) == {"a": "", "b": "--"}


@given(JSON)
def test_any_value_put_into_a_template_of_json_comes_out_as_it_was(value):
    transformer = {"InputTemplate": '{"bare": <x>, "quoted": "[<x>]"}', "InputPathsMap": {"x": "$.detail"}}
    found = json.loads(payload({"InputTransformer": transformer}, {"detail": value}, RULE))
    assert found["bare"] == value
    assert found["quoted"] == "[" + (value if isinstance(value, str) else json.dumps(value)) + "]"


@given(JSON, st.text(max_size=30))
def test_any_text_is_a_path_that_leads_somewhere_or_nowhere(value, path):
    select(value, path)
    select(value, "$" + path)

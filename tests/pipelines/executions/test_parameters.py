import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import operations
from pipelines.errors import PipelineError
from pipelines.executions.parameters import check_parameters
from pipelines.target import Target

DECLARED = (
    {"Name": "SourceUri", "Type": "String", "DefaultValue": "s3://b/x"},
    {"Name": "MaxCount", "Type": "Integer", "DefaultValue": 5},
    {"Name": "IngestInstanceCount", "Type": "Integer", "DefaultValue": 1},
    {"Name": "TrainingInstanceType", "Type": "String", "DefaultValue": "ml.m5.xlarge"},
    {"Name": "MinimumAccuracy", "Type": "Float", "DefaultValue": 0.5},
    {"Name": "Careful", "Type": "Boolean", "DefaultValue": True},
    {"Name": "Status", "Type": "String", "DefaultValue": "Approved", "EnumValues": ["Approved", "Rejected"]},
)
DEFINITION = json.dumps({"Parameters": DECLARED, "Steps": []})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IngestInstanceCount", "2"),
        ("TrainingInstanceType", "ml.g5.xlarge"),
        ("MaxCount", "-3"),
        ("MaxCount", "007"),
        ("MinimumAccuracy", "1e-3"),
        ("MinimumAccuracy", "1"),
        ("Careful", "False"),
        ("Status", "Rejected"),
    ],
)
def test_a_value_of_the_right_type_is_taken(name: str, value: str) -> None:
    check_parameters(DEFINITION, {name: value})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("MaxCounts", "5", r"no parameter MaxCounts, did you mean MaxCount\? Its parameters are SourceUri, MaxCount,"),
        ("Nonsense", "5", r"no parameter Nonsense; its parameters are SourceUri"),
        ("MaxCount", "five", "MaxCount must be a whole number, and 'five' is none"),
        ("MaxCount", "5.0", "MaxCount must be a whole number"),
        ("MaxCount", "\u0665", "MaxCount must be a whole number"),
        ("MinimumAccuracy", "55 %", "MinimumAccuracy must be a number, and '55 %' is none"),
        ("MinimumAccuracy", "nan", "MinimumAccuracy must be a number"),
        ("IngestInstanceCount", "0", "IngestInstanceCount must be 1 or more, and '0' is none"),
        ("TrainingInstanceType", "ml.foo", "must be an instance type such as ml.m5.xlarge, and 'ml.foo' is none"),
        ("SourceUri", "", "SourceUri must be an address such as s3://bucket/prefix, and '' is none"),
        ("Careful", "yes", "Careful must be true or false"),
        ("Status", "Approve", "Status must be one of Approved, Rejected, and 'Approve' is none of them"),
    ],
)
def test_what_cannot_be_right_is_named_with_what_would_be(name: str, value: str, told: str) -> None:
    with pytest.raises(PipelineError, match=told):
        check_parameters(DEFINITION, {name: value})


def test_a_parameter_without_a_default_is_asked_for() -> None:
    definition = json.dumps({"Parameters": [{"Name": "When", "Type": "String"}]})
    with pytest.raises(PipelineError, match=r"needs a value of When: give -p When="):
        check_parameters(definition, {})
    check_parameters(definition, {"When": "now"})


@given(st.text(), st.text())
def test_whatever_is_given_is_taken_or_answered_with_a_sentence(name: str, value: str) -> None:
    for each in (name, "MaxCount", "MinimumAccuracy", "Status"):
        with suppress(PipelineError):
            check_parameters(DEFINITION, {each: value})


def test_an_execution_with_a_wrong_parameter_is_not_started(target: Target, tiny: Any) -> None:
    name = tiny.create(tiny.processing("Only", "print()"), parameters=DECLARED)
    with pytest.raises(PipelineError, match="did you mean MaxCount"):
        operations.start(target, name, {"MaxCuont": "5"})
    with pytest.raises(PipelineError, match="has no execution yet"):
        operations.latest_execution(target, name)
    assert operations.start(target, name, {"MaxCount": "4"}) == operations.latest_execution(target, name)

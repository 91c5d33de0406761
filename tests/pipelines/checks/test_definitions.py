"""Definitions of ours, of others, and damaged ones: none ends the checks otherwise than by findings."""

import copy
import importlib.util
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from pipelines.checks.rule import Finding
from pipelines.checks.rules import RULES
from pipelines.sdk import PipelineSession

FOREIGN = Path(__file__).resolve().parents[2] / "local" / "foreign" / "pipeline.py"

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    leaves
    | st.sampled_from(
        [{"Get": "Parameters.SourceUri"}, {"Get": "Steps.Train.X[0]"}, {"Std:Join": {"On": 1}}, {"Get": 3}]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def containers(value: Any) -> list[Any]:
    """Every object and list inside a value that holds something, itself included."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return ([value] if inner else []) + [found for item in inner for found in containers(item)]


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), name=st.sampled_from(["demo", "audit"]))
def test_whatever_is_damaged_is_answered_with_findings_of_known_rules(data: st.DataObject, name: str, sound, findings):
    definition = copy.deepcopy(json.loads(sound[name]))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(containers(definition)))
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if data.draw(st.booleans()):
            place[key] = data.draw(values)
        else:
            del place[key]
        if not containers(definition):
            break
    assert all(isinstance(found, Finding) and found.rule in RULES for found in findings(name, definition))


@given(text=st.text(max_size=40) | values.map(json.dumps))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_no_definition_is_found_to_be_none(text: str, findings) -> None:
    assert "definition-form" in {found.rule for found in findings("demo", text)}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"Steps": ' + '{"a":' * 900 + "1" + "}" * 901])
def test_a_definition_nested_too_deep_is_found_to_be_none(text: str, findings) -> None:
    assert [found.rule for found in findings("demo", text)] == ["definition-form"]


@pytest.fixture(scope="module")
def foreign() -> str:
    """The pipeline of others, compiled as its SDK wants it: code uploaded and function made, both to a mock of AWS."""
    spec = importlib.util.spec_from_file_location("foreign_pipeline", FOREIGN)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with mock_aws():
        spec.loader.exec_module(module)
        aws = boto3.Session(region_name="us-east-1")
        aws.client("s3").create_bucket(Bucket="prices-bucket")
        trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "*"}}]}
        role = aws.client("iam").create_role(RoleName="prices", AssumeRolePolicyDocument=json.dumps(trust))["Role"][
            "Arn"
        ]
        session = PipelineSession(boto_session=aws, default_bucket="prices-bucket")
        return module.build(session, role, "prices-bucket").definition()


def test_a_pipeline_of_others_is_judged_by_the_same_rules(foreign: str, findings) -> None:
    found = {(each.rule, each.step) for each in findings("demo", foreign)}
    assert {rule for rule, _ in found} == {
        "encrypted-traffic",
        "maximum-runtime",
        "network-isolation",
        "own-bucket",
        "processing-isolation",
        "spot-training",
        "tagged",
    }
    assert ("maximum-runtime", "Prepare") in found

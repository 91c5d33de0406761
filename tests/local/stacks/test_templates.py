"""What a template says, before anything is made of it."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.aws import ApiError
from pipelines.local.stacks.expressions import NO_VALUE, Scope
from pipelines.local.stacks.loader import load
from pipelines.local.stacks.parameters import meanings, shown, values
from pipelines.local.stacks.template import read


def scope(parameters=None, conditions=None):
    mappings = {"Sizes": {"eu": {"small": 1}}}
    return Scope(
        {"AWS::Region": "eu", **(parameters or {})},
        mappings,
        conditions or {},
        lambda name: f"id-of-{name}",
        lambda name, attribute: f"{attribute}-of-{name}",
        lambda name: f"export-{name}",
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!Ref Queue", "id-of-Queue"),
        ("!Ref AWS::Region", "eu"),
        ("!GetAtt Queue.Arn", "Arn-of-Queue"),
        ("!GetAtt [Queue, Arn]", "Arn-of-Queue"),
        ("!GetAtt Nested.Outputs.Url", "Outputs.Url-of-Nested"),
        (
            '!Sub "${Queue} in ${AWS::Region}: ${Queue.Arn} ${!literally}"',
            "id-of-Queue in eu: Arn-of-Queue ${literally}",
        ),
        ('!Sub ["${x}-${Queue}", {x: !Ref Topic}]', "id-of-Topic-id-of-Queue"),
        ('!Join [", ", [a, !Ref Queue, 3, true]]', "a, id-of-Queue, 3, true"),
        ('!Select [1, !Split ["/", a/b/c]]', "b"),
        ("!FindInMap [Sizes, !Ref AWS::Region, small]", 1),
        ("!If [Met, 1, 2]", 1),
        ("!If [Unmet, 1, 2]", 2),
        ("[1, !If [Unmet, 2, !Ref AWS::NoValue], 3]", [1, 3]),
        ("{a: !Ref AWS::NoValue, b: 1}", {"b": 1}),
        ("!ImportValue network", "export-network"),
        ("!Base64 text", "dGV4dA=="),
        ("!Cidr [10.0.0.0/16, 2, 8]", ["10.0.0.0/24", "10.0.1.0/24"]),
        ("{Fn::ToJsonString: {a: !Ref Queue}}", '{"a":"id-of-Queue"}'),
        ("{Condition: {StringEquals: {a: b}}}", {"Condition": {"StringEquals": {"a": "b"}}}),
        ("{Version: 2012-10-17}", {"Version": "2012-10-17"}),
    ],
)
def test_a_function_gives_what_cloudformation_gives(text, value):
    conditions = {"Met": {"Fn::Equals": [1, "1"]}, "Unmet": {"Fn::Not": [{"Condition": "Met"}]}}
    found = scope(conditions=conditions).resolve(load(f"x: {text}")["x"])
    assert found == value


@pytest.mark.parametrize(
    "expression",
    [
        {"Fn::Select": [5, ["a"]]},
        {"Fn::Select": ["one"]},
        {"Fn::Join": "a"},
        {"Fn::FindInMap": ["Sizes", "us", "small"]},
        {"Fn::If": ["Unknown", 1, 2]},
        {"Fn::Transform": {"Name": "AWS::Include"}},
        {"Fn::If": ["Itself", 1, 2]},
    ],
)
def test_a_wrong_expression_is_refused_in_a_sentence(expression):
    with pytest.raises(ApiError, match="Template"):
        scope(conditions={"Itself": {"Condition": "Itself"}}).resolve(expression)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(min_size=1).filter(lambda key: not key.startswith("Fn::")), inner, max_size=3)
    ),
    max_leaves=10,
).filter(lambda value: not any(name in json.dumps(value) for name in ("Ref", "Condition")))


@given(plain)
def test_what_is_no_expression_stays_as_it_is(value):
    assert scope().resolve(value) == value


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(ApiError):
        assert read(text).resources


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "unsupported structure"),
        ("{", "well-formed"),
        ("Resources: {a: 1, a: 2}", "stands twice"),
        ("Resources: {}", "At least one"),
        ("Ressources: {}", r"\[Ressources\]"),
        ("Resources: {A: {Type: Queue}}", r"Unrecognized resource types: \[Queue\]"),
        ("Resources: {A-1: {Type: 'AWS::SQS::Queue'}}", "non alphanumeric"),
        ("Resources: {A: {Properties: {}}}", "Type member"),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', Propertys: {}}}", "Propertys"),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref B}}}", r"\[B\] in the Resources"),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', DependsOn: B}}", r"\[B\] in the Resources"),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', Condition: Never}}", "condition Never"),
        ("{Resources: {A: {Type: 'AWS::SQS::Queue'}}, Outputs: {O: {Value: !Ref B}}}", r"\[B\] in the Outputs"),
        (
            "Resources: {A: {Type: 'AWS::SQS::Queue', DependsOn: B}, B: {Type: 'AWS::SQS::Queue', DependsOn: A}}",
            r"Circular dependency between resources: \[A, B\]",
        ),
    ],
)
def test_a_wrong_template_is_refused_in_a_sentence(text, words):
    with pytest.raises(ApiError, match=words):
        read(text)


def test_parameters_take_defaults_earlier_and_given_values():
    declared = {
        "Size": {"Type": "Number", "Default": 3},
        "On": {"Type": "String", "AllowedValues": [True, False], "Default": True},
        "Arns": {"Type": "CommaDelimitedList"},
        "Secret": {"Type": "String", "NoEcho": True},
    }
    given = [{"ParameterKey": "Arns", "ParameterValue": "a, b"}, {"ParameterKey": "Secret", "UsePreviousValue": True}]
    chosen = values(declared, given, {"Secret": "s", "Size": "9"})
    assert chosen == {"Size": "3", "On": "true", "Arns": "a, b", "Secret": "s"}
    assert meanings(declared, chosen)["Arns"] == ["a", "b"]
    assert {"ParameterKey": "Secret", "ParameterValue": "****"} in shown(declared, chosen)


@pytest.mark.parametrize(
    ("parameter", "value", "words"),
    [
        ({}, None, r"\[P\] must have values"),
        ({"AllowedValues": ["a"]}, "b", "enum value set"),
        ({"AllowedPattern": "[a-z]+"}, "B", "pattern"),
        ({"MinLength": 3}, "ab", "length"),
        ({"Type": "Number"}, "many", "must be a number"),
        ({"Type": "Number", "MaxValue": 5}, "6", "value of"),
        ({"Type": "List<Number>", "MinValue": 2}, "3,1", "value of"),
        ({"AllowedPattern": "a", "ConstraintDescription": "Only a."}, "b", r"Only a\."),
        ({"Type": "AWS::SSM::Parameter::Value<String>"}, "/x", "Systems Manager"),
    ],
)
def test_a_wrong_parameter_is_refused_in_a_sentence(parameter, value, words):
    given = [] if value is None else [{"ParameterKey": "P", "ParameterValue": value}]
    with pytest.raises(ApiError, match=words):
        values({"P": {"Type": "String", **parameter}}, given, {})


names = st.sampled_from(["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Fn::Join", "Fn::Select", "Condition", "A", "B"])
wild = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 300) | names | st.sampled_from(["A.Arn", "${A}", "${A.Arn}", "${"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=2),
    max_leaves=8,
)


@given(wild, wild, wild)
def test_a_template_of_any_structure_is_evaluated_or_refused(properties, condition, output):
    resources = {"A": {"Type": "AWS::SQS::Queue", "Condition": "B", "Properties": properties}}
    sections = {"Resources": resources, "Conditions": {"B": condition}, "Outputs": {"O": output}}
    with contextlib.suppress(ApiError):
        template = read(json.dumps(sections))
        evaluated = scope(conditions=template.conditions)
        assert isinstance(evaluated.met("B"), bool)
        evaluated.resolve([template.resources, template.outputs])


def test_aliases_cannot_make_a_short_template_long():
    bomb = "\n".join(["a: &a [x, x]", "b: &b [*a, *a]", "c: [*b, *b]"])
    with pytest.raises(ApiError, match="aliases are not supported"):
        load(bomb)


def test_no_value_is_no_property():
    assert scope().resolve({"Ref": "AWS::NoValue"}) is NO_VALUE

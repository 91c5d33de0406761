"""Expressions and conditions against a small independent model."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.definitions.conditions import check_condition, holds
from pipelines.local.definitions.expressions import ExpressionError, references, resolve
from pipelines.local.definitions.paths import PathError, look_up


class Values:
    """A scope made of plain dictionaries."""

    def __init__(self, parameters=None, steps=None, files=None):
        self.parameters, self.steps, self.files = parameters or {}, steps or {}, files or {}

    def parameter(self, name):
        return self.parameters[name]

    def execution(self, name):
        return f"<{name}>"

    def properties(self, step):
        return self.steps[step]

    def property_file(self, step, name):
        return self.files[step, name]

    def document(self, uri):
        return self.files[uri]


PARAMETERS = {"s": "text", "i": 7, "f": 0.5, "b": True}
TEXTS = {"s": "text", "i": "7", "f": "0.5", "b": "true"}

# Pairs of an expression and its value, built side by side.
LEAVES = (
    st.sampled_from(sorted(PARAMETERS)).map(lambda n: ({"Get": f"Parameters.{n}"}, PARAMETERS[n], TEXTS[n]))
    | st.text(max_size=4).map(lambda text: (text, text, text))
    | st.integers(-99, 99).map(lambda number: (number, number, str(number)))
)


def joined(on, parts):
    text = on.join(part[2] for part in parts)
    return {"Std:Join": {"On": on, "Values": [part[0] for part in parts]}}, text, text


JOINS = st.recursive(LEAVES, lambda inner: st.builds(joined, st.text(max_size=2), st.lists(inner, max_size=4)))


@given(JOINS)
def test_joins_of_joins_have_the_value_of_the_model(pair):
    expression, value, _ = pair
    assert resolve(expression, Values(PARAMETERS)) == value


@given(st.lists(JOINS, max_size=3), st.text(min_size=1, max_size=3))
def test_expressions_are_replaced_wherever_they_stand(pairs, key):
    document = {key: [pair[0] for pair in pairs], "deep": {"er": [{"x": pair[0]} for pair in pairs], "y": 1}}
    expected = {key: [pair[1] for pair in pairs], "deep": {"er": [{"x": pair[1]} for pair in pairs], "y": 1}}
    if key != "deep":
        assert resolve(document, Values(PARAMETERS)) == expected


NUMBERS = st.integers(-3, 3) | st.sampled_from([-0.5, 0.0, 1.0])
MODEL = {
    "Equals": lambda left, right: left == right,
    "GreaterThan": lambda left, right: left > right,
    "GreaterThanOrEqualTo": lambda left, right: left >= right,
    "LessThan": lambda left, right: left < right,
    "LessThanOrEqualTo": lambda left, right: left <= right,
}


def compared(kind, left, right):
    return {"Type": kind, "LeftValue": left, "RightValue": {"Get": "Parameters.r"}}, right, MODEL[kind](left, right)


@given(st.sampled_from(sorted(MODEL)), NUMBERS, NUMBERS)
def test_comparisons_of_numbers_are_those_of_arithmetic(kind, left, right):
    condition, right, expected = compared(kind, left, right)
    check_condition(condition)
    assert holds(condition, Values({"r": right})) is expected


SIDES = st.tuples(NUMBERS, NUMBERS).map(
    lambda pair: ({"Type": "LessThan", "LeftValue": pair[0], "RightValue": pair[1]}, pair[0] < pair[1])
)
LOGIC = st.recursive(
    SIDES,
    lambda inner: (
        inner.map(lambda pair: ({"Type": "Not", "Condition": pair[0]}, not pair[1]))
        | st.lists(inner, max_size=3).map(
            lambda pairs: ({"Type": "Or", "Conditions": [p[0] for p in pairs]}, any(p[1] for p in pairs))
        )
    ),
)


@given(LOGIC)
def test_not_and_or_nest_as_in_logic(pair):
    condition, expected = pair
    check_condition(condition)
    assert holds(condition, Values()) is expected


@given(NUMBERS, st.lists(NUMBERS, max_size=4))
def test_in_is_membership(query, values):
    assert holds({"Type": "In", "QueryValue": query, "Values": values}, Values()) is (query in values)


@pytest.mark.parametrize(("left", "right"), [("5", 5), (True, 1), (None, 0)])
def test_values_of_different_kinds_are_not_compared(left, right):
    with pytest.raises(ExpressionError, match="cannot compare"):
        holds({"Type": "Equals", "LeftValue": left, "RightValue": right}, Values())


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="'"), max_size=6)
TREES = st.recursive(
    st.integers(),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(KEYS, inner, min_size=1, max_size=3),
)


def drawn_path(tree, data):
    """A path into a tree, and the value that it leads to."""
    value, path = tree, ""
    while isinstance(value, (dict, list)) and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        plain = isinstance(key, str) and key and not set(key) & set(".[]'\"")
        path += f"[{key}]" if isinstance(key, int) else f".{key}" if plain else f"['{key}']"
        value = value[key]
    return path, value


@given(TREES, st.data())
def test_a_path_leads_to_the_value_it_was_made_from(tree, data):
    path, value = drawn_path(tree, data)
    assert look_up([tree], f"[0]{path}") == value


@given(TREES, st.data(), st.text(max_size=2))
def test_references_to_steps_have_the_value_of_the_model_also_in_joins(tree, data, on):
    path, value = drawn_path(tree, data)
    scope = Values(PARAMETERS, steps={"Step": {"Top": tree}})
    reference = {"Get": f"Steps.Step.Top{path}"}
    assert resolve(reference, scope) == value
    if not isinstance(value, (dict, list)):
        joined_up = {"Std:Join": {"On": on, "Values": [reference, {"Get": "Parameters.s"}, reference]}}
        assert resolve(joined_up, scope) == on.join([str(value), "text", str(value)])


@given(TREES, st.data())
def test_json_gets_have_the_value_of_the_model_or_say_that_it_is_no_single_one(tree, data):
    path, value = drawn_path(tree, data)
    scope = Values(files={("Step", "File"): json.dumps({"top": tree}).encode()})
    expression = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Step.PropertyFiles.File"}, "Path": f"top{path}"}}
    if isinstance(value, (dict, list)):
        with pytest.raises(ExpressionError, match="no single value"):
            resolve(expression, scope)
    else:
        assert resolve(expression, scope) == value
        condition = {"Type": "In", "QueryValue": expression, "Values": [value - 1, {"Get": "Parameters.i"}]}
        check_condition(condition)
        assert holds(condition, Values(PARAMETERS, files=scope.files)) is (value == 7)


@given(st.text(max_size=12))
def test_any_text_is_a_path_or_is_refused(text):
    try:
        look_up({"a": [1]}, text)
    except PathError as error:
        assert str(error)  # noqa: PT017


def test_lists_of_named_things_are_looked_up_by_name():
    outputs = {"Outputs": [{"OutputName": "train", "Uri": "s3://t"}, {"OutputName": "test", "Uri": "s3://e"}]}
    scope = Values(steps={"Split": outputs})
    assert resolve({"Get": "Steps.Split.Outputs['test'].Uri"}, scope) == "s3://e"
    assert resolve({"Get": "Steps.Split.Outputs[0].Uri"}, scope) == "s3://t"
    with pytest.raises(ExpressionError, match=r"Outputs\['other'\].*has no 'other'"):
        resolve({"Get": "Steps.Split.Outputs['other'].Uri"}, scope)


def test_json_get_reads_property_files_and_documents():
    content = json.dumps({"metrics": {"accuracy": {"value": 0.5}}}).encode()
    scope = Values({"root": "s3://b"}, files={("Evaluate", "Report"): content, "s3://b/r.json": content})
    file = {"Get": "Steps.Evaluate.PropertyFiles.Report"}
    uri = {"Std:Join": {"On": "/", "Values": [{"Get": "Parameters.root"}, "r.json"]}}
    for source in ({"PropertyFile": file}, {"S3Uri": uri}):
        assert resolve({"Std:JsonGet": {**source, "Path": "metrics.accuracy.value"}}, scope) == 0.5
        with pytest.raises(ExpressionError, match="has no 'rmse'"):
            resolve({"Std:JsonGet": {**source, "Path": "metrics.rmse"}}, scope)
        with pytest.raises(ExpressionError, match="no single value"):
            resolve({"Std:JsonGet": {**source, "Path": "metrics"}}, scope)


def test_references_are_found_inside_every_form():
    value = {
        "a": [{"Std:Join": {"On": "", "Values": [{"Get": "Parameters.P"}, {"Get": "Steps.A.B"}]}}],
        "b": {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.C.PropertyFiles.F"}, "Path": "x"}},
        "c": {"Get": "Execution.PipelineName"},
    }
    assert [(item.kind, item.name) for item in references(value)] == [
        ("parameter", "P"),
        ("step", "A"),
        ("file", "C"),
        ("execution", "PipelineName"),
    ]

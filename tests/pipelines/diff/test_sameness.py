"""Whatever two definitions are, something is said exactly when they are not the same."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.diff.compare import differences

scalars = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0]) | st.sampled_from(["", "a", "1"])
names = st.sampled_from(["Train", "Tune", "Steps.Train", "A"])
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Get", "Name", "Key", "Environment", "S3Uri"]), inner, max_size=3)
    ),
    max_leaves=6,
)
simple_steps = st.fixed_dictionaries(
    {"Name": names, "Type": st.sampled_from(["Training", "Condition"])},
    optional={
        "DependsOn": st.lists(names, max_size=2),
        "Arguments": st.dictionaries(
            st.sampled_from(["Conditions", "ContainerArguments", "Environment", "Image", "IfSteps"]),
            json_values,
            max_size=3,
        ),
        "RetryPolicies": json_values,
        "CacheConfig": json_values,
    },
)
branching_steps = st.builds(
    lambda step, inner: {**step, "Arguments": {**step.get("Arguments", {}), "IfSteps": inner}},
    simple_steps,
    st.lists(simple_steps, max_size=2),
)
parameters = st.fixed_dictionaries({"Name": names}, optional={"DefaultValue": scalars, "Type": scalars})
definitions = st.fixed_dictionaries(
    {},
    optional={
        "Version": scalars,
        "Parameters": st.lists(parameters, max_size=3) | json_values,
        "Steps": st.lists(simple_steps | branching_steps, max_size=3) | json_values,
    },
)


@settings(max_examples=200, deadline=None)
@given(definitions)
def test_a_definition_does_not_differ_from_itself(definition: dict[str, Any]) -> None:
    assert differences(definition, json.loads(json.dumps(definition))) == []


@settings(max_examples=400, deadline=None)
@given(definitions, definitions)
def test_something_is_said_of_two_definitions_exactly_when_they_are_not_the_same(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    same = json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)
    assert (differences(old, new) == []) == same

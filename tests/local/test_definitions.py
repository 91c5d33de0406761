"""Definitions and parameters that AWS would refuse, and random ones."""

import json

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FAIL = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}


def definition(*steps, parameters=(), version="2020-12-01"):
    return json.dumps({"Version": version, "Parameters": list(parameters), "Steps": list(steps)})


def fail(message, **more):
    return {**FAIL, "Arguments": {"ErrorMessage": message}, **more}


def condition(*conditions, then=(), name="Gate"):
    arguments = {"Conditions": list(conditions), "IfSteps": list(then), "ElseSteps": []}
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


def branches(then, otherwise):
    arguments = {"Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}]}
    arguments |= {"IfSteps": then, "ElseSteps": otherwise}
    return {"Name": "Gate", "Type": "Condition", "Arguments": arguments}


def train():
    """Arguments of a training step."""
    return {
        "RoleArn": "arn:aws:iam::123456789012:role/tiny",
        "AlgorithmSpecification": {"TrainingImage": "tiny", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://tiny-bucket/models"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def parameter(**fields):
    return {"Name": "P", "Type": "Integer", **fields}


def json_get(path="a", file="Steps.Stop.PropertyFiles.F"):
    return {"Std:JsonGet": {"PropertyFile": {"Get": file}, "Path": path}}


def create(tiny, text):
    return tiny.sagemaker.create_pipeline(PipelineName=tiny.name("p"), PipelineDefinition=text, RoleArn=tiny.role)


BROKEN = {
    "not JSON": ("{", "Invalid JSON|EOF"),
    "a list": ("[]", "object|dictionary"),
    "no steps": (definition(), "Steps"),
    "another version": (definition(FAIL, version="2019-01-01"), "2020-12-01"),
    "two steps of one name": (definition(FAIL, FAIL), "'Stop' occurs 2 times"),
    "the same name in a branch": (
        definition(FAIL, condition({"Type": "Not", "Condition": {"Type": "Or", "Conditions": []}}, then=[FAIL])),
        "'Stop' occurs 2 times",
    ),
    "a step's bad name": (definition({**FAIL, "Name": "a b"}), "Name"),
    "a type that is not run": (definition({**FAIL, "Type": "EMR"}), "'EMR', which the embedded SageMaker does not run"),
    "an undeclared parameter": (definition(fail({"Get": "Parameters.Nope"})), "parameter 'Nope'"),
    "an unknown step": (definition(fail({"Get": "Steps.Nope.A"})), "step 'Nope'"),
    "an unknown dependency": (definition(fail("x", DependsOn=["Nope"])), "depends on 'Nope'"),
    "an unknown variable": (definition(fail({"Get": "Execution.Weather"})), "Execution.Weather"),
    "a circle of one": (definition(fail({"Get": "Steps.Stop.A"})), "circle"),
    "a circle of two": (definition(fail("x", DependsOn=["B"]), fail("y", Name="B", DependsOn=["Stop"])), "circle"),
    "an undeclared property file": (definition(fail("x"), fail(json_get(), Name="B")), "property file 'F'"),
    "a path that is none": (
        definition(
            fail("x"),
            fail(json_get(path="a[")),
        ),
        "not a path|occurs",
    ),
    "a join of nothing": (definition(fail({"Std:Join": {"On": 1, "Values": []}})), "Std:Join"),
    "a misspelt field": (definition({**FAIL, "DependOn": []}), "DependOn"),
    "no message": (definition({**FAIL, "Arguments": {}}), "ErrorMessage"),
    "no conditions": (definition(condition()), "Conditions"),
    "an unknown condition": (definition(condition({"Type": "Near"})), "Near"),
    "a condition's missing side": (definition(condition({"Type": "Equals", "LeftValue": 1})), "RightValue"),
    "arguments that are not the call's": (
        definition({"Name": "T", "Type": "Training", "Arguments": {"Colour": "red"}}),
        "'Colour' is not a known field",
    ),
    "a missing argument": (
        definition({"Name": "W", "Type": "Processing", "Arguments": {"RoleArn": "arn:aws:iam::123456789012:role/r"}}),
        "'AppSpecification' is required",
    ),
    "an argument of the wrong type": (
        definition({"Name": "T", "Type": "Training", "Arguments": {"HyperParameters": {"epochs": 3}}}),
        "must be a string, not 3",
    ),
    "two parameters of one name": (definition(FAIL, parameters=[parameter(), parameter()]), "'P' occurs 2 times"),
    "a default of the wrong type": (definition(FAIL, parameters=[parameter(DefaultValue="x")]), "'P' is declared"),
    "a default that is no choice": (
        definition(FAIL, parameters=[parameter(DefaultValue=3, EnumValues=[1, 2])]),
        "one of 1, 2",
    ),
    "a parameter's unknown type": (definition(FAIL, parameters=[parameter(Type="Colour")]), "Type"),
    "a property that the step cannot have": (
        definition(
            {"Name": "T", "Type": "Training", "Arguments": train()},
            fail({"Get": "Steps.T.ModelArtifacts.Nope"}),
        ),
        "In the step 'Stop': The step 'T' has no property 'ModelArtifacts.Nope': .* one of S3ModelArtifacts",
    ),
    "an item of a single value": (
        definition(
            {"Name": "T", "Type": "Training", "Arguments": train()},
            fail({"Std:Join": {"On": "", "Values": [{"Get": "Steps.T.TrainingJobStatus[0]"}]}}),
        ),
        "no property 'TrainingJobStatus.*no '0' in a string",
    ),
    "a name in a list without names": (
        definition(
            {"Name": "T", "Type": "Training", "Arguments": train()},
            fail({"Get": "Steps.T.SecondaryStatusTransitions['x'].Status"}),
        ),
        "no 'x' in a list",
    ),
    "a condition's other property": (
        definition(condition({"Type": "Equals", "LeftValue": 1, "RightValue": 1}), fail({"Get": "Steps.Gate.Result"})),
        "a Condition step has only Outcome",
    ),
    "a property of a fail step": (
        definition(fail("x"), fail({"Get": "Steps.Stop.A"}, Name="B")),
        "The step 'Stop' has no property 'A': it has none",
    ),
    "an output that a function's step does not declare": (
        definition(
            {
                "Name": "L",
                "Type": "Lambda",
                "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
                "OutputParameters": [{"OutputName": "out", "OutputType": "String"}],
                "Arguments": {},
            },
            fail({"Get": "Steps.L.OutputParameters['in']"}),
        ),
        r"no property 'OutputParameters\['in'\]': it has only OutputParameters\['out'\]",
    ),
    "a step of the other branch": (
        definition(branches([fail("x")], [fail("y", Name="B", DependsOn=["Stop"])])),
        "'B' can never run: it waits for 'Stop'.*both branches of the condition 'Gate'",
    ),
    "a step that waits for both branches": (
        definition(branches([fail("x")], [fail("y", Name="B")]), fail("z", Name="C", DependsOn=["Stop", "B"])),
        "'C' can never run",
    ),
    "a condition on its own branch": (
        definition(
            condition({"Type": "Equals", "LeftValue": {"Get": "Steps.Stop.A"}, "RightValue": 1}, then=[FAIL]),
        ),
        "circle",
    ),
    "retries of a step that has none": (
        definition({**FAIL, "RetryPolicies": [{"ExceptionType": ["Step.THROTTLING"]}]}),
        "'Stop' has RetryPolicies, which Fail steps cannot have",
    ),
    "too many steps": (definition(*(fail("x", Name=f"S{n}") for n in range(51))), "51 steps; .* at most 50"),
    "too many parameters": (
        definition(FAIL, parameters=[parameter(Name=f"P{n}") for n in range(201)]),
        "201 parameters; .* at most 200",
    ),
    "a description without end": (definition(fail("x", Description="x" * 3073)), "Description"),
    "nesting without end": (definition(fail({"a": json.loads("[" * 90 + "]" * 90)})), "nested"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_definition_is_refused_with_what_is_wrong(tiny, case):
    text, says = BROKEN[case]
    with pytest.raises(ClientError, match=says) as error:
        create(tiny, text)
    assert error.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    "path",
    [
        "ModelArtifacts.S3ModelArtifacts",
        "FinalMetricDataList['loss'].Value",
        "SecondaryStatusTransitions[0].Status",
        "HyperParameters['any']",
    ],
)
def test_what_describe_training_job_answers_can_be_referred_to(tiny, path):
    tiny.create([{"Name": "T", "Type": "Training", "Arguments": train()}, fail({"Get": f"Steps.T.{path}"})])


@pytest.mark.parametrize(
    ("declared", "given", "says"),
    [
        (parameter(), {}, "'P' has no default value"),
        (parameter(), {"P": "1.5"}, "'P' is declared Integer, which '1.5' is not"),
        (parameter(Type="Float"), {"P": "nan"}, "'P' is declared Float"),
        (parameter(Type="Boolean"), {"P": "yes"}, "'P' is declared Boolean"),
        (parameter(Type="String", EnumValues=["a", "b"]), {"P": "c"}, "'P' must be one of a, b"),
        (parameter(DefaultValue=1), {"Q": "1"}, "'Q' is not declared by the pipeline; declared are: P"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(tiny, declared, given, says):
    name = tiny.create([FAIL], [declared])
    with pytest.raises(ClientError, match=says) as error:
        tiny.start(name, **given)
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_a_pipelines_name_is_taken_once_in_the_words_that_the_sdk_looks_for(tiny):
    name = tiny.create([FAIL])
    with pytest.raises(ClientError, match="Pipeline names must be unique within an AWS account and region"):
        tiny.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=definition(FAIL), RoleArn=tiny.role)


def test_a_deleted_pipeline_is_gone_and_others_stay(tiny):
    kept, gone = tiny.create([FAIL]), tiny.create([FAIL])
    tiny.sagemaker.delete_pipeline(PipelineName=gone, ClientRequestToken="t" * 32)
    names = [item["PipelineName"] for item in tiny.sagemaker.list_pipelines()["PipelineSummaries"]]
    assert kept in names
    assert gone not in names
    with pytest.raises(ClientError) as error:
        tiny.start(gone)
    assert error.value.response["Error"]["Code"] == "ResourceNotFound"


def test_a_definition_can_lie_in_s3(tiny):
    tiny.put("definition.json", definition(fail("from S3")))
    location = {"Bucket": tiny.bucket, "ObjectKey": "definition.json"}
    name = tiny.name("s3")
    tiny.sagemaker.create_pipeline(PipelineName=name, PipelineDefinitionS3Location=location, RoleArn=tiny.role)
    assert "from S3" in tiny.sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"]


NAMES = st.sampled_from(["A", "B", "C", "a b", ""])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JUNK = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
GETS = st.sampled_from(["Parameters.P", "Steps.A.X", "Steps.B.PropertyFiles.F", "Execution.PipelineName", "x", ""])
EXPRESSIONS = st.recursive(
    st.builds(lambda get: {"Get": get}, GETS) | SCALARS,
    lambda inner: (
        st.builds(lambda values: {"Std:Join": {"On": "", "Values": values}}, st.lists(inner, max_size=3))
        | st.builds(lambda value: {"Std:JsonGet": {"PropertyFile": value, "Path": "a"}}, inner)
    ),
    max_leaves=5,
)
CONDITIONS = st.fixed_dictionaries(
    {"Type": st.sampled_from(["Equals", "Not", "Or", "In", "Near"])},
    optional={
        "LeftValue": EXPRESSIONS,
        "RightValue": EXPRESSIONS,
        "Condition": JUNK,
        "Conditions": JUNK,
        "QueryValue": EXPRESSIONS,
        "Values": JUNK,
    },
)
ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "ErrorMessage": EXPRESSIONS,
        "Conditions": st.lists(CONDITIONS, max_size=2) | JUNK,
        "IfSteps": JUNK,
        "ElseSteps": JUNK,
        "AppSpecification": JUNK,
        "ProcessingOutputConfig": JUNK | EXPRESSIONS,
        "RoleArn": EXPRESSIONS,
    },
)
STEPS = st.fixed_dictionaries(
    {
        "Name": NAMES,
        "Type": st.sampled_from(["Fail", "Condition", "Processing", "Training", "RegisterModel", "EMR"]),
        "Arguments": ARGUMENTS | JUNK,
    },
    optional={"DependsOn": st.lists(NAMES, max_size=2) | JUNK, "PropertyFiles": JUNK},
)
DEFINITIONS = JUNK | st.fixed_dictionaries(
    {"Version": st.just("2020-12-01"), "Steps": st.lists(STEPS, min_size=1, max_size=3)},
    optional={"Parameters": st.just([parameter(DefaultValue=1)]) | JUNK, "Metadata": JUNK},
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(DEFINITIONS)
def test_any_definition_is_accepted_or_refused_but_never_an_error_of_the_server(tiny, document):
    try:
        create(tiny, json.dumps(document))
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationException"  # noqa: PT017

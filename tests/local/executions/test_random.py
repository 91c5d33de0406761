"""Random pipelines against a small model of what an execution is; and very deep, wide and many ones."""

import json

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NUMBERS = st.integers(0, 2)
MESSAGE = {"Std:Join": {"On": "-", "Values": ["stop", {"Get": "Parameters.N"}]}}
TYPES = st.sampled_from(["Condition", "Condition", "Condition", "Fail"])


@st.composite
def pipelines(draw):
    """Steps as `{name: (type, branch it stands in or None, names it waits for, number it compares)}`."""
    count = draw(st.integers(1, 7))
    names = [f"S{number}" for number in range(count)]
    steps = {}
    for number, name in enumerate(names):
        above = [each for each in names[:number] if steps[each][0] == "Condition"]
        branch = draw(st.none() | st.tuples(st.sampled_from(above), st.booleans())) if above else None
        others = names if draw(st.integers(0, 9)) == 0 else names[:number]  # now and then a circle
        waits = draw(st.lists(st.sampled_from(others), max_size=2, unique=True)) if others else []
        steps[name] = (draw(TYPES), branch, waits, draw(NUMBERS))
    return steps


def definition(steps):
    def write(name):
        kind, _, waits, number = steps[name]
        step = {"Name": name, "Type": kind, "DependsOn": waits}
        if kind == "Fail":
            return {**step, "Arguments": {"ErrorMessage": MESSAGE}}
        equals = {"Type": "Equals", "LeftValue": {"Get": "Parameters.N"}, "RightValue": number}
        arguments = {"Conditions": [equals], "IfSteps": inside(name, True), "ElseSteps": inside(name, False)}
        return {**step, "Arguments": arguments}

    def inside(name, outcome):
        return [write(each) for each, (_, branch, _, _) in steps.items() if branch == (name, outcome)]

    top = [write(name) for name, (_, branch, _, _) in steps.items() if branch is None]
    parameter = {"Name": "N", "Type": "Integer"}
    return json.dumps({"Version": "2020-12-01", "Parameters": [parameter], "Steps": top})


def before(steps, name):
    _, branch, waits, _ = steps[name]
    return set(waits) | ({branch[0]} if branch else set())


def model_order(steps):
    """The steps, each after what it waits for; None where that cannot be."""
    order = []
    while len(order) < len(steps):
        ready = [name for name in steps if name not in order and before(steps, name) <= set(order)]
        if not ready:
            return None
        order += ready
    return order


def model_accepts(steps):
    order = model_order(steps)
    if order is None:
        return False
    taken = {}
    for name in order:
        branches = {steps[name][1]} if steps[name][1] else set()
        taken[name] = branches.union(*(taken[each] for each in before(steps, name)))
        if any((condition, not outcome) in taken[name] for condition, outcome in taken[name]):
            return False
    return True


def model_runs(steps, value):
    """The steps that run unless another one fails before it is their turn."""
    runs = set()
    for name in model_order(steps):
        _, branch, _, _ = steps[name]
        wanted = branch is None or (value == steps[branch[0]][3]) is branch[1]
        alive = all(each in runs and steps[each][0] != "Fail" for each in before(steps, name))
        if wanted and alive:
            runs.add(name)
    return runs


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(pipelines(), NUMBERS)
def test_random_pipelines_end_as_the_model_says(tiny, steps, value):
    name = tiny.name("random")
    request = {"PipelineName": name, "PipelineDefinition": definition(steps), "RoleArn": tiny.role}
    if not model_accepts(steps):
        with pytest.raises(ClientError, match=r"circle|can never run") as error:
            tiny.sagemaker.create_pipeline(**request)
        assert error.value.response["Error"]["Code"] == "ValidationException"
        return
    tiny.sagemaker.create_pipeline(**request)
    execution = tiny.finish(tiny.start(name, N=str(value)))
    expected = model_runs(steps, value)
    fails = {each for each in expected if steps[each][0] == "Fail"}
    ran = execution["Steps"]
    for each, step in ran.items():
        assert step["StepStatus"] == ("Failed" if each in fails else "Succeeded")
        assert all(ran[other]["StepStatus"] == "Succeeded" for other in before(steps, each))
        if steps[each][0] == "Condition":
            assert step["Metadata"]["Condition"]["Outcome"] == str(value == steps[each][3])
    if fails:
        assert execution["PipelineExecutionStatus"] == "Failed"
        assert set(ran) <= expected
        assert fails & set(ran)
        assert f"stop-{value}" in execution["FailureReason"]
    else:
        assert execution["PipelineExecutionStatus"] == "Succeeded"
        assert set(ran) == expected


EQUAL = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}


def condition(name, conditions=(EQUAL,), then=(), **more):
    arguments = {"Conditions": list(conditions), "IfSteps": list(then), "ElseSteps": []}
    return {"Name": name, "Type": "Condition", "Arguments": arguments, **more}


def test_fifty_steps_that_each_wait_for_all_before_them_run(tiny):
    names = [f"S{number}" for number in range(50)]
    execution = tiny.run([condition(name, DependsOn=names[:number]) for number, name in enumerate(names)])
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert list(execution["Steps"]) == names[::-1]


def test_conditions_in_conditions_run_down_to_the_innermost(tiny):
    inner = condition("S0")
    for number in range(1, 15):
        inner = condition(f"S{number}", then=[inner])
    execution = tiny.run([inner])
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert len(execution["Steps"]) == 15


def fail(message):
    return {"Name": "S", "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def deep(levels, head, core, tail):
    """JSON that is nested more deeply than Python would write it, for the place of "DEEP"."""
    return head * levels + json.dumps(core) + tail * levels


STEP = '{"Name": "S", "Type": "Condition", "Arguments": {"Conditions": [], "IfSteps": ['
HOSTILE = {
    "conditions in conditions without end": ("DEEP", deep(100, STEP, condition("S"), "]}}")),
    "negations without end": (
        condition("S", ["DEEP"]),
        deep(5000, '{"Type": "Not", "Condition": ', EQUAL, "}"),
    ),
    "joins without end": (fail("DEEP"), deep(5000, '{"Std:Join": {"On": "", "Values": [', "x", "]}}")),
    "a path without end": (fail({"Get": "Steps.S" + ".a" * 100_000}), ""),
    "a name without end": (condition("S" * 100_000), ""),
    "a number without end": (condition("S", [{**EQUAL, "LeftValue": "DEEP"}]), "9" * 100_000),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_definition_without_end_is_refused(tiny, case):
    step, core = HOSTILE[case]
    text = json.dumps({"Version": "2020-12-01", "Steps": [step]}).replace('"DEEP"', core)
    with pytest.raises(ClientError) as error:
        tiny.sagemaker.create_pipeline(PipelineName=tiny.name(), PipelineDefinition=text, RoleArn=tiny.role)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert tiny.run([condition("StillThere")])["PipelineExecutionStatus"] == "Succeeded"


def test_a_definition_in_s3_has_the_same_limit(tiny):
    text = json.dumps({"Version": "2020-12-01", "Steps": [condition("S")], "Metadata": {"x": "x" * 1_100_000}})
    location = {"Bucket": tiny.bucket, "ObjectKey": tiny.put("huge.json", text).rsplit("/", 1)[-1]}
    with pytest.raises(ClientError, match="characters; it can have at most 1048576"):
        tiny.sagemaker.create_pipeline(
            PipelineName=tiny.name(), PipelineDefinitionS3Location=location, RoleArn=tiny.role
        )


TEXT = json.dumps({"Version": "2020-12-01", "Steps": [condition("S", then=[condition("T")])]})


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, len(TEXT)), st.integers(0, 12), st.text('{}[]":,\\0 aé', max_size=6))
def test_a_definition_with_a_damaged_spot_is_accepted_or_refused(tiny, start, length, patch):
    text = TEXT[:start] + patch + TEXT[start + length :]
    request = {"PipelineName": tiny.name("damaged"), "PipelineDefinition": text or " ", "RoleArn": tiny.role}
    try:
        tiny.sagemaker.create_pipeline(**request)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationException"  # noqa: PT017


def test_twenty_executions_at_once_do_not_mix(tiny):
    where = {"Std:Join": {"On": "/", "Values": [f"s3://{tiny.bucket}/twenty", {"Get": "Parameters.Word"}]}}
    code = "(base / 'processing/out/word').write_text(sys.argv[1])"
    job = tiny.processing(code, outputs=[("out", where)], arguments=[{"Get": "Parameters.Word"}])
    work = {"Name": "Work", "Type": "Processing", "Arguments": job}
    name = tiny.create([work], [{"Name": "Word", "Type": "String"}])
    words = [f"word-{number}" for number in range(20)]
    executions = [tiny.finish(arn) for arn in [tiny.start(name, Word=word) for word in words]]
    assert {each["PipelineExecutionStatus"] for each in executions} == {"Succeeded"}
    assert [tiny.read(f"s3://{tiny.bucket}/twenty/{word}/word").decode() for word in words] == words
    assert len({each["Steps"]["Work"]["Metadata"]["ProcessingJob"]["Arn"] for each in executions}) == 20

"""The Lambda step: a function called by a pipeline."""

import json

import pytest
from botocore.exceptions import ClientError
from sagemaker.lambda_helper import Lambda as SdkFunction
from sagemaker.session import Session
from sagemaker.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.workflow.pipeline import Pipeline

ECHO = "handler = lambda event, context: event"


def arn_of(name):
    return f"arn:aws:lambda:us-east-1:123456789012:function:{name}"


def step(name, function, arguments=None, outputs=(), **more):
    return {
        "Name": name,
        "Type": "Lambda",
        "FunctionArn": arn_of(function),
        "Arguments": arguments or {},
        "OutputParameters": [{"OutputName": key, "OutputType": kind} for key, kind in outputs],
        **more,
    }


def fail(message):
    return {"Name": "Tell", "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def output(name):
    return {"Get": f"Steps.Call.OutputParameters['{name}']"}


def test_values_flow_through_a_function(functions):
    count = functions.create("handler = lambda e, c: {'n': e['n'] + 1, 'ok': e['n'] > 1, 'share': 0.5, 'text': 'ä'}")
    outputs = [("n", "Integer"), ("ok", "Boolean"), ("share", "Float"), ("text", "String")]
    joined = {"Std:Join": {"On": " ", "Values": [output(name) for name, _ in outputs]}}
    parameter = {"Name": "Start", "Type": "Integer", "DefaultValue": 4}
    steps = [step("Call", count, {"n": {"Get": "Parameters.Start"}}, outputs), fail(joined)]
    execution = functions.tiny.run(steps, [parameter])
    assert execution["Steps"]["Tell"]["FailureReason"] == "5 true 0.5 ä"
    assert execution["Steps"]["Call"]["StepStatus"] == "Succeeded"
    assert execution["Steps"]["Call"]["Metadata"]["Lambda"] == {
        "Arn": arn_of(count),
        "OutputParameters": [
            {"Name": "n", "Value": "5"},
            {"Name": "ok", "Value": "true"},
            {"Name": "share", "Value": "0.5"},
            {"Name": "text", "Value": "ä"},
        ],
    }


def test_text_that_reads_as_the_type_is_taken_as_the_type(functions):
    echo = functions.create(ECHO)
    answer = {"n": "12", "ok": "True", "share": "1e-3"}
    outputs = [("n", "Integer"), ("ok", "Boolean"), ("share", "Float")]
    joined = {"Std:Join": {"On": " ", "Values": [output(name) for name, _ in outputs]}}
    execution = functions.tiny.run([step("Call", echo, answer, outputs), fail(joined)])
    assert execution["Steps"]["Tell"]["FailureReason"] == "12 true 0.001"


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        ({}, "String", "lacks the OutputParameters x"),
        ({"x": [1]}, "String", "'x' must be of type String, not [1]"),
        ({"x": "twelve"}, "Integer", "'x' must be of type Integer, not 'twelve'"),
        ({"x": 1.5}, "Integer", "'x' must be of type Integer, not 1.5"),
        ({"x": 1}, "Boolean", "'x' must be of type Boolean, not 1"),
        ({"x": True}, "Float", "'x' must be of type Float, not True"),
    ],
)
def test_an_answer_without_the_declared_outputs_fails_the_step(functions, answer, kind, says):
    echo = functions.create(ECHO)
    execution = functions.tiny.run([step("Call", echo, answer, [("x", kind)])])
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert says in execution["Steps"]["Call"]["FailureReason"]


def test_the_error_of_a_function_is_the_steps_reason(functions):
    name = functions.create("def handler(e, c): raise ValueError('no such bin')")
    execution = functions.tiny.run([step("Call", name), step("Lost", "nobody")])
    assert "no such bin" in execution["Steps"]["Call"]["FailureReason"]
    assert "Function not found" in execution["Steps"]["Lost"]["FailureReason"]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"FunctionArn": ""}, "needs a FunctionArn"),
        ({"OutputParameters": [{"OutputName": "x", "OutputType": "Complex"}]}, "OutputType"),
        ({"OutputParameters": [{"OutputName": "x", "OutputType": "String"}] * 2}, "must be unique"),
    ],
)
def test_a_lambda_step_that_cannot_run_is_refused(functions, broken, says):
    with pytest.raises(ClientError, match=says):
        functions.tiny.create([{**step("Call", "f"), **broken}])


def test_the_sdks_helper_makes_and_updates_the_function_of_its_step(functions, tmp_path):
    tiny = functions.tiny
    script = tmp_path / "double.py"
    session = Session(boto_session=tiny.session, sagemaker_client=tiny.sagemaker, default_bucket=tiny.bucket)
    session.lambda_client = functions.client
    for factor in (2, 3):
        script.write_text(f"def handler(event, context):\n    return {{'y': event['x'] * {factor}}}\n")
        function = SdkFunction(
            function_name="sdk-double",
            execution_role_arn=functions.role,
            script=str(script),
            handler="double.handler",
            session=session,
        )
        call = LambdaStep(
            name="Call",
            lambda_func=function,
            inputs={"x": 7},
            outputs=[LambdaOutput(output_name="y", output_type=LambdaOutputTypeEnum.Integer)],
        )
        pipeline = Pipeline(name="sdk-lambda", steps=[call], sagemaker_session=session)
        pipeline.upsert(role_arn=tiny.role)
        execution = tiny.finish(
            tiny.sagemaker.start_pipeline_execution(PipelineName="sdk-lambda")["PipelineExecutionArn"]
        )
        metadata = execution["Steps"]["Call"]["Metadata"]["Lambda"]
        assert metadata["OutputParameters"] == [{"Name": "y", "Value": str(7 * factor)}]
    assert json.loads(pipeline.definition())["Steps"][0]["FunctionArn"] == arn_of("sdk-double")


def test_a_function_that_was_called_with_the_same_before_is_answered_from_the_cache(functions):
    """The clock would say something else every time."""
    clock = functions.create("import time\nhandler = lambda event, context: {'now': time.time_ns()}")
    cache = {"Enabled": True, "ExpireAfter": "P1D"}
    arguments = {"word": {"Get": "Parameters.Word"}}
    steps = [step("Call", clock, arguments, [("now", "Integer")], CacheConfig=cache)]
    name = functions.tiny.create(steps, [{"Name": "Word", "Type": "String", "DefaultValue": "a"}])
    first, second = (functions.tiny.finish(functions.tiny.start(name))["Steps"]["Call"] for _ in range(2))
    other = functions.tiny.finish(functions.tiny.start(name, Word="b"))["Steps"]["Call"]
    assert "CacheHitResult" in second
    assert second["Metadata"] == first["Metadata"]
    assert "CacheHitResult" not in other
    assert other["Metadata"] != first["Metadata"]

"""Invoke runs the function's real code and answers as Lambda does."""

import base64
import json
import os
import signal
from pathlib import Path

import pytest
from botocore.exceptions import ClientError


def test_a_function_gets_its_event_environment_and_context(functions):
    code = """
        import os, sys
        import helper
        def handler(event, context):
            return {
                "sum": helper.add(event["a"], event["b"]), "colour": os.environ["COLOUR"],
                "name": context.function_name, "arn": context.invoked_function_arn,
                "memory": context.memory_limit_in_mb, "left": context.get_remaining_time_in_millis(),
                "id": context.aws_request_id, "root": os.path.dirname(__file__) == os.environ["LAMBDA_TASK_ROOT"],
                "region": os.environ["AWS_REGION"], "function": os.environ["AWS_LAMBDA_FUNCTION_NAME"],
                "text": "grün",
            }
        """
    archive = functions.archive(main=code, helper="def add(a, b): return a + b")
    name = functions.create(archive, Environment={"Variables": {"COLOUR": "red"}})
    answer = functions.invoke(name, {"a": 2, "b": 3})
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    got = answer["Payload"]
    assert 0 < got.pop("left") <= 60_000
    assert got.pop("id") == answer["ResponseMetadata"]["RequestId"]
    assert got == {
        "sum": 5,
        "colour": "red",
        "name": name,
        "arn": f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        "memory": "256",
        "root": True,
        "region": "us-east-1",
        "function": name,
        "text": "grün",
    }


def test_boto3_inside_a_function_reaches_the_server(functions):
    functions.tiny.put("lambda/in.txt", "twice")
    code = """
        import boto3
        def handler(event, context):
            s3 = boto3.client("s3")
            body = s3.get_object(Bucket=event["bucket"], Key="lambda/in.txt")["Body"].read()
            s3.put_object(Bucket=event["bucket"], Key="lambda/out.txt", Body=body * 2)
        """
    answer = functions.run(code, {"bucket": functions.tiny.bucket})
    assert answer["Payload"] is None
    assert functions.tiny.read(f"s3://{functions.tiny.bucket}/lambda/out.txt") == b"twicetwice"


@pytest.mark.parametrize(
    ("code", "handler", "kind", "says"),
    [
        ("def handler(e, c): raise ValueError('no bins')", "main.handler", "ValueError", "no bins"),
        ("import nowhere", "main.handler", "Runtime.ImportModuleError", "Unable to import module 'main': No module"),
        ("def other(): pass", "main.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'main'"),
        ("def handler(:", "main.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'main'"),
        ("", "handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
        ("def handler(e, c): return {1, 2}", "main.handler", "Runtime.MarshalError", "not JSON serializable"),
        ("import sys; handler = lambda e, c: sys.exit(3)", "main.handler", "Runtime.ExitError", "exit status 3"),
        ("import os; handler = lambda e, c: os._exit(0)", "main.handler", "Runtime.ExitError", "without providing"),
        ("import os; handler = lambda e, c: os.kill(os.getpid(), 9)", "main.handler", "Runtime.ExitError", "killed"),
        ("handler = lambda e, c: bytearray(10**9) and 1", "main.handler", "MemoryError", ""),
        ("handler = lambda e, c: 'x' * 6_400_000", "main.handler", "Function.ResponseSizeTooLarge", "6291556 bytes"),
    ],
)
def test_a_failing_function_is_answered_in_awss_form(functions, code, handler, kind, says):
    answer = functions.run(code, handler=handler)
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert answer["Payload"]["errorType"] == kind
    assert says in answer["Payload"]["errorMessage"]


def test_an_errors_stack_trace_names_the_functions_own_lines(functions):
    answer = functions.run("def handler(e, c):\n    inner()\ndef inner():\n    raise KeyError('bin')")
    trace = "".join(answer["Payload"]["stackTrace"])
    assert 'main.py", line 2, in handler' in trace
    assert "inner()" in trace
    assert "runtime.py" not in trace


def test_a_function_that_takes_too_long_is_ended_with_what_it_started(functions, tmp_path, until):
    code = """
        import subprocess, time
        def handler(event, context):
            child = subprocess.Popen(["sleep", "600"])
            open(event["note"], "w").write(str(child.pid))
            time.sleep(600)
        """
    answer = functions.run(code, {"note": str(tmp_path / "pid")}, timeout=1)
    assert answer["Payload"]["errorType"] == "Sandbox.Timedout"
    assert answer["Payload"]["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    child = int((tmp_path / "pid").read_text())
    until(lambda: not _runs(child))


def _runs(pid):
    try:
        os.kill(pid, signal.SIG_DFL)
        return b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_the_log_is_in_cloudwatch_and_its_tail_in_the_answer(functions):
    code = """
        import logging
        def handler(event, context):
            print("counted", 7)
            logging.warning("nearly full")
        """
    name = functions.create(code)
    answer = functions.invoke(name, LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode()
    identity = answer["ResponseMetadata"]["RequestId"]
    logs = functions.tiny.logs
    stream = logs.describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"][0]["logStreamName"]
    events = logs.get_log_events(logGroupName=f"/aws/lambda/{name}", logStreamName=stream)["events"]
    lines = [event["message"] for event in events]
    assert [line.rstrip() for line in tail.splitlines()] == lines
    assert lines[0] == f"START RequestId: {identity} Version: $LATEST"
    assert lines[1] == "counted 7"
    assert lines[2].startswith("[WARNING]")
    assert f"{identity}\tnearly full" in lines[2]
    assert lines[3] == f"END RequestId: {identity}"
    assert lines[4].startswith(f"REPORT RequestId: {identity}\tDuration: ")


def test_versions_aliases_and_arns_name_the_code_they_name_on_aws(functions):
    name = functions.create("handler = lambda e, c: 'old ' + c.function_version")
    version = functions.client.publish_version(FunctionName=name)["Version"]
    functions.client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    new = functions.archive(main="handler = lambda e, c: 'new ' + c.function_version")
    functions.client.update_function_code(FunctionName=name, ZipFile=new)
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    answers = {each: functions.invoke(each)["Payload"] for each in (name, arn, f"{arn}:live", f"{name}:{version}")}
    assert answers == {name: "new $LATEST", arn: "new $LATEST", f"{arn}:live": "old 1", f"{name}:{version}": "old 1"}
    assert functions.invoke(name, Qualifier="live")["ExecutedVersion"] == "1"


def test_code_may_come_from_s3_and_from_layers(functions):
    tiny = functions.tiny
    tiny.s3.put_object(Bucket=tiny.bucket, Key="code.zip", Body=functions.archive(main="from shared import handler"))
    layer = functions.archive(**{"python/shared": "handler = lambda e, c: 'from the layer'"})
    version = functions.client.publish_layer_version(LayerName="shared", Content={"ZipFile": layer})
    functions.client.create_function(
        FunctionName="from-s3",
        Runtime="python3.12",
        Handler="main.handler",
        Role=functions.role,
        Code={"S3Bucket": tiny.bucket, "S3Key": "code.zip"},
        Layers=[version["LayerVersionArn"]],
    )
    assert functions.invoke("from-s3")["Payload"] == "from the layer"


def test_a_dry_run_checks_and_runs_nothing(functions):
    name = functions.create("raise SystemExit")
    assert functions.invoke(name, InvocationType="DryRun")["StatusCode"] == 204
    with pytest.raises(ClientError) as error:
        functions.invoke("nobody", InvocationType="DryRun")
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize("name", ["nobody", "nobody:3", "arn:aws:lambda:eu-west-1:123456789012:function:nobody"])
def test_a_function_that_does_not_exist_is_not_found(functions, name):
    with pytest.raises(ClientError, match=r"Function not found: .*nobody") as error:
        functions.invoke(name)
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_another_runtime_is_refused_with_a_sentence(functions):
    name = functions.create("", runtime="nodejs20.x")
    with pytest.raises(ClientError, match=r"needs the runtime nodejs20.x; .* Python runtimes alone"):
        functions.invoke(name)


def test_an_event_that_is_not_json_or_too_large_is_refused(functions):
    name = functions.create("handler = lambda e, c: e")
    with pytest.raises(ClientError, match="Could not parse request body into json"):
        functions.client.invoke(FunctionName=name, Payload=b"{")
    with pytest.raises(ClientError, match="Request must be smaller than") as error:
        functions.client.invoke(FunctionName=name, Payload=json.dumps("x" * 7_000_000).encode())
    assert error.value.response["Error"]["Code"] == "RequestTooLargeException"

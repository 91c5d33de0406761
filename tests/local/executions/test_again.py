"""Executions that run again: RetryPipelineExecution, selective executions, retry policies."""

import json

import pytest
from botocore.exceptions import ClientError

from pipelines.local.aws import ApiError
from pipelines.local.executions.retries import exception_type
from pipelines.local.executions.turns import StepFailed


def step(name, kind, arguments, **more):
    return {"Name": name, "Type": kind, "Arguments": arguments, **more}


def fail(name, message="no"):
    return step(name, "Fail", {"ErrorMessage": message})


def statuses(execution):
    return {name: each["StepStatus"] for name, each in execution["Steps"].items()}


def source_uri(name):
    return {"Get": f"Steps.{name}.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"}


def say(tiny, name, *, reads=None, **more):
    """A processing step that stores its parameter `Word` after what the step that it reads has stored."""
    where = {
        "Std:Join": {"On": "/", "Values": [f"s3://{tiny.bucket}/said/{name}", {"Get": "Execution.PipelineExecutionId"}]}
    }
    inputs = [] if reads is None else [("before", source_uri(reads), "FullyReplicated")]
    code = (
        "before = base / 'processing/input/before/said'\n"
        "said = before.read_text() if before.exists() else ''\n"
        "(base / 'processing/out/said').write_text(said + sys.argv[1])"
    )
    arguments = tiny.processing(code, outputs=[("out", where)], inputs=inputs, arguments=[{"Get": "Parameters.Word"}])
    return step(name, "Processing", arguments, **more)


@pytest.fixture(scope="module")
def chain(tiny):
    """A pipeline of four steps in a row, and a finished execution of it."""
    steps = [say(tiny, "A"), say(tiny, "B", reads="A"), say(tiny, "C", reads="B"), say(tiny, "D", reads="C")]
    name = tiny.create(steps, [{"Name": "Word", "Type": "String", "DefaultValue": "a"}])
    return name, tiny.finish(tiny.start(name))["PipelineExecutionArn"]


def select(tiny, name, steps, source=None, **parameters):
    given = [{"Name": key, "Value": value} for key, value in parameters.items()]
    config = {"SelectedSteps": [{"StepName": each} for each in steps]}
    if source is not None:
        config["SourcePipelineExecutionArn"] = source
    answer = tiny.sagemaker.start_pipeline_execution(
        PipelineName=name, PipelineParameters=given, SelectiveExecutionConfig=config
    )
    return tiny.finish(answer["PipelineExecutionArn"])


def test_selected_steps_run_on_what_the_source_execution_has_made(tiny, chain):
    name, source = chain
    execution = select(tiny, name, ["B", "C"], source, Word="b")
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert statuses(execution) == {"A": "Succeeded", "B": "Succeeded", "C": "Succeeded"}  # D, below them, is left out
    assert execution["Steps"]["A"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": source}
    assert "SelectiveExecutionResult" not in execution["Steps"]["B"]
    assert execution["SelectiveExecutionConfig"]["SourcePipelineExecutionArn"] == source
    identity = execution["PipelineExecutionArn"].rsplit("/", 1)[-1]
    assert tiny.read(f"s3://{tiny.bucket}/said/C/{identity}/said") == b"abb"


@pytest.mark.parametrize(
    ("steps", "source", "says"),
    [
        (["B"], None, r"Invalid SourcePipelineExecutionArn: null. The selected steps \[B\] have dependencies on \[A\]"),
        (["A", "C"], "chain", r"'B' is not; it stands between \[A\] and \[C\]"),
        (["A", "Z"], "chain", r"no steps \[Z\]"),
        (["B"], "arn:aws:sagemaker:us-east-1:123456789012:pipeline/x/execution/abc", "no execution of the pipeline"),
    ],
)
def test_a_selection_that_cannot_run_is_refused(tiny, chain, steps, source, says):
    name, finished = chain
    with pytest.raises(ClientError, match=says) as error:
        select(tiny, name, steps, finished if source == "chain" else source)
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_a_selection_whose_inputs_failed_in_the_source_is_refused(tiny):
    steps = [fail("First"), say(tiny, "Last", DependsOn=["First"])]
    name = tiny.create(steps, [{"Name": "Word", "Type": "String", "DefaultValue": "a"}])
    source = tiny.finish(tiny.start(name))["PipelineExecutionArn"]
    with pytest.raises(ClientError, match=r"dependencies on \[First\], which did not succeed there"):
        select(tiny, name, ["Last"], source)


def test_steps_without_dependencies_need_no_source(tiny, chain):
    execution = select(tiny, chain[0], ["A"])
    assert statuses(execution) == {"A": "Succeeded"}


def test_a_branch_that_was_not_taken_in_the_source_cannot_be_selected_alone(tiny):
    gate = step(
        "Gate",
        "Condition",
        {
            "Conditions": [{"Type": "Equals", "LeftValue": {"Get": "Parameters.Word"}, "RightValue": "yes"}],
            "IfSteps": [step("Yes", "Processing", tiny.processing("pass"))],
            "ElseSteps": [step("No", "Processing", tiny.processing("pass"))],
        },
    )
    name = tiny.create([gate], [{"Name": "Word", "Type": "String", "DefaultValue": "yes"}])
    source = tiny.finish(tiny.start(name))["PipelineExecutionArn"]
    assert statuses(select(tiny, name, ["Yes"], source)) == {"Gate": "Succeeded", "Yes": "Succeeded"}
    with pytest.raises(ClientError, match="was not taken"):
        select(tiny, name, ["No"], source)
    chosen = select(tiny, name, ["Gate", "No"], source, Word="no")
    assert statuses(chosen) == {"Gate": "Succeeded", "No": "Succeeded"}


def test_a_failed_execution_goes_on_from_the_step_that_failed(tiny, tmp_path):
    flag = tmp_path / "flag"
    sometimes = f"sys.exit(0 if pathlib.Path({str(flag)!r}).exists() else 1)"
    steps = [
        step("First", "Processing", tiny.processing("pass")),
        step("Shaky", "Processing", tiny.processing(sometimes), DependsOn=["First"]),
        step("Last", "Processing", tiny.processing("pass"), DependsOn=["Shaky"]),
    ]
    arn = tiny.start(tiny.create(steps))
    failed = tiny.finish(arn)
    assert statuses(failed) == {"First": "Succeeded", "Shaky": "Failed"}
    flag.touch()
    token = "r" * 32
    for _ in range(2):  # the second call is the first one over again
        answer = tiny.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=token)
        assert answer["PipelineExecutionArn"] == arn
        retried = tiny.finish(arn)
    assert retried["PipelineExecutionStatus"] == "Succeeded"
    assert "FailureReason" not in retried
    assert statuses(retried) == {"First": "Succeeded", "Shaky": "Succeeded", "Last": "Succeeded"}
    assert retried["Steps"]["First"] == failed["Steps"]["First"]
    with pytest.raises(ClientError, match="cannot be retried: it is Succeeded"):
        tiny.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)


def test_a_stopped_execution_goes_on_where_it_was_stopped(tiny, until, tmp_path):
    flag = tmp_path / "flag"
    hang = f"flag = pathlib.Path({str(flag)!r})\nif not flag.exists():\n    flag.touch(); time.sleep(600)"
    arn = tiny.start(tiny.create([step("Hang", "Processing", tiny.processing(hang))]))
    until(flag.exists)
    tiny.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert statuses(tiny.finish(arn)) == {"Hang": "Stopped"}
    tiny.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)
    assert statuses(tiny.finish(arn)) == {"Hang": "Succeeded"}


def policy(kind, **more):
    return [{"ExceptionType": [kind], "IntervalSeconds": 0, **more}]


def attempts(tiny, arn):
    """How often the execution's only step was started."""
    lines = tiny.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    return lines[0]["AttemptCount"] if lines else 0


def test_a_resource_limit_is_waited_out(tiny, until):
    """More instances than there are, as a document in S3 says; by the third attempt it says otherwise."""
    uri = tiny.put("limit.json", json.dumps({"n": 17}))
    job = tiny.processing("pass")
    count = {"Std:JsonGet": {"S3Uri": uri, "Path": "n"}}
    job["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = count
    retried = policy("SageMaker.RESOURCE_LIMIT", IntervalSeconds=1, BackoffRate=1.0, ExpireAfterMin=5)
    arn = tiny.start(tiny.create([step("Big", "Processing", job, RetryPolicies=retried)]))
    until(lambda: attempts(tiny, arn) > 1)
    tiny.put("limit.json", json.dumps({"n": 1}))
    execution = tiny.finish(arn)
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert execution["Steps"]["Big"]["AttemptCount"] > 1


def test_attempts_end_at_their_limit_with_the_last_reason(tiny):
    job = tiny.processing("pass", instances=17)
    limit = policy("SageMaker.RESOURCE_LIMIT", MaxAttempts=2)
    execution = tiny.run([step("Big", "Processing", job, RetryPolicies=limit)])
    assert execution["Steps"]["Big"]["AttemptCount"] == 3
    assert "InstanceCount is 17" in execution["FailureReason"]


def test_an_internal_error_of_a_job_is_tried_again(tiny, until):
    """Where the folder of all jobs should be, there is a file."""
    jobs, aside = tiny.state / "jobs", tiny.state / "aside"
    internal = policy("SageMaker.JOB_INTERNAL_ERROR", IntervalSeconds=1, BackoffRate=1.0, MaxAttempts=20)
    name = tiny.create([step("Work", "Processing", tiny.processing("pass"), RetryPolicies=internal)])
    if jobs.exists():
        jobs.rename(aside)
    jobs.touch()
    arn = tiny.start(name)
    until(lambda: attempts(tiny, arn) > 1)
    jobs.unlink()
    execution = tiny.finish(arn)
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert execution["Steps"]["Work"]["AttemptCount"] > 1


def test_an_algorithm_error_is_not_tried_again(tiny):
    every = [
        {
            "ExceptionType": ["Step.SERVICE_FAULT", "SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR"],
            "MaxAttempts": 5,
        }
    ]
    words = (
        "(base / 'output').mkdir(exist_ok=True); (base / 'output/message').write_text('CapacityError: no'); sys.exit(1)"
    )
    execution = tiny.run([step("Work", "Processing", tiny.processing(words), RetryPolicies=every)])
    assert execution["Steps"]["Work"]["AttemptCount"] == 1


def test_a_stop_ends_the_wait_for_another_attempt(tiny, until):
    endless = policy("SageMaker.RESOURCE_LIMIT", IntervalSeconds=3600)
    arn = tiny.start(
        tiny.create([step("Big", "Processing", tiny.processing("pass", instances=17), RetryPolicies=endless)])
    )
    until(lambda: attempts(tiny, arn))
    tiny.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert statuses(tiny.finish(arn)) == {"Big": "Stopped"}


@pytest.mark.parametrize(
    ("message", "kind", "expected"),
    [
        ("InternalServerError: OSError: disk", "Training", "SageMaker.JOB_INTERNAL_ERROR"),
        ("InternalServerError: OSError: disk", "Tuning", None),
        ("CapacityError: Unable to provision", "Training", "SageMaker.CAPACITY_ERROR"),
        ("CapacityError: Unable to provision", "Tuning", "SageMaker.CAPACITY_ERROR"),
        ("AlgorithmError: CapacityError: x", "Training", None),
    ],
)
def test_reasons_of_jobs_have_the_names_of_retry_policies(message, kind, expected):
    assert exception_type(StepFailed(message), kind) == expected


def test_an_unforeseen_error_is_a_fault_of_the_service():
    assert exception_type(OSError("no space left"), "Training") == "Step.SERVICE_FAULT"


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ThrottlingException", 400, "Step.THROTTLING"),
        ("ResourceLimitExceeded", 400, "SageMaker.RESOURCE_LIMIT"),
        ("InternalFailure", 500, "Step.SERVICE_FAULT"),
        ("Whatever", 503, "Step.SERVICE_FAULT"),
        ("ValidationException", 400, None),
    ],
)
def test_refused_calls_have_the_names_of_retry_policies(code, status, expected):
    def failed(cause):
        error = StepFailed("x")
        error.__cause__ = cause
        return exception_type(error, "RegisterModel")

    response = {"Error": {"Code": code, "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert failed(ClientError(response, "CreateModelPackage")) == expected
    if status == 400:
        assert failed(ApiError(code, "x")) == expected


@pytest.mark.parametrize(
    ("policies", "says"),
    [
        (policy("SageMaker.WEATHER"), "ExceptionType"),
        (policy("Step.THROTTLING", MaxAttempts=21), "MaxAttempts"),
        (policy("Step.THROTTLING", MaxAttempts=0), "MaxAttempts"),
        (policy("Step.THROTTLING", ExpireAfterMin=14401), "ExpireAfterMin"),
        (policy("Step.THROTTLING", ExpireAfterMin=1, MaxAttempts=1), "only one of MaxAttempts and ExpireAfterMin"),
        (policy("Step.THROTTLING", BackoffRate=-1), "BackoffRate"),
        ([{"ExceptionType": []}], "ExceptionType"),
        (policy("Step.THROTTLING", Colour=1), "Colour"),
    ],
)
def test_a_policy_out_of_bounds_is_refused(tiny, policies, says):
    with pytest.raises(ClientError, match=says) as error:
        tiny.create([step("Work", "Processing", tiny.processing("pass"), RetryPolicies=policies)])
    assert error.value.response["Error"]["Code"] == "ValidationException"

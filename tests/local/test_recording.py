"""What is called is written down, and who called it."""

import json
from pathlib import Path

import boto3
import pytest

from pipelines.local import EmbeddedSageMaker, ServerError

KEYS = {"aws_secret_access_key": "any", "region_name": "us-east-1"}
ROLE = "arn:aws:iam::123456789012:role/tiny"
ASK = """
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"])
boto3.client("sagemaker").list_models()
boto3.client("s3").put_object(Bucket="tiny-bucket", Key="from/the job", Body=b"x")
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, containers, tiny_of):
    """A server that records; a job has run on it, and a stack was made."""
    state = tmp_path_factory.mktemp("state")
    file = state / "calls.jsonl"
    with EmbeddedSageMaker(state=state, containers=containers, record=file) as server:
        tiny = tiny_of(server, state)
        asked = tiny.processing(ASK, outputs=[("out", f"s3://{tiny.bucket}/out/")])
        execution = tiny.run([{"Name": "Ask", "Type": "Processing", "Arguments": asked}])
        assert execution["PipelineExecutionStatus"] == "Succeeded", execution.get("FailureReason")
        user = boto3.client("iam", endpoint_url=server.url, aws_access_key_id="any", **KEYS)
        user.create_user(UserName="anna")
        key = user.create_access_key(UserName="anna")["AccessKey"]["AccessKeyId"]
        formation = boto3.client("cloudformation", endpoint_url=server.url, aws_access_key_id=key, **KEYS)
        formation.create_stack(
            StackName="recorded", TemplateBody=json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}})
        )
        job = execution["Steps"]["Ask"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
        identity = tiny.log("/aws/sagemaker/ProcessingJobs", job)
        lines = [json.loads(line) for line in Path(file).read_text().splitlines()]
    return lines, identity


def test_a_record_that_cannot_be_written_keeps_the_server_from_starting(tmp_path):
    (tmp_path / "file").touch()
    server = EmbeddedSageMaker(state=tmp_path / "state", record=tmp_path / "file" / "calls.jsonl")
    with pytest.raises(ServerError, match=r"Calls cannot be recorded to .*calls\.jsonl"):
        server.start()


def calls(lines, caller):
    return {(each["service"], each["operation"]) for each in lines if each["caller"] == caller}


def test_a_job_calls_in_the_name_of_its_role(recorded):
    lines, identity = recorded
    assert "assumed-role/tiny/SageMaker" in identity
    own = calls(lines, ROLE)
    assert {("sts", "GetCallerIdentity"), ("sagemaker", "ListModels"), ("s3", "PutObject")} <= own
    assert ("s3", "GetObject") in own  # its code, which SageMaker fetched for it
    assert ("logs", "PutLogEvents") in own
    assert ("sagemaker", "CreateProcessingJob") in own  # by the pipeline, which has the same role here
    (put,) = [each for each in lines if each["resources"].get("Key") == "from/the job"]
    assert put["resources"] == {"Bucket": "tiny-bucket", "Key": "from/the job"}
    assert put["status"] == 200


def test_a_user_is_named_and_with_the_user_what_a_stack_calls(recorded):
    lines, _ = recorded
    assert calls(lines, "arn:aws:iam::123456789012:user/anna") == {
        ("cloudformation", "CreateStack"),
        ("sqs", "CreateQueue"),
    }


def test_others_are_the_operator_and_the_server_itself_is_left_out(recorded):
    lines, _ = recorded
    callers = {each["caller"] for each in lines}
    assert callers == {ROLE, "arn:aws:iam::123456789012:user/anna", "arn:aws:iam::123456789012:user/operator"}
    operator = calls(lines, "arn:aws:iam::123456789012:user/operator")
    assert ("sagemaker", "CreatePipeline") in operator
    (created,) = [each for each in lines if each["operation"] == "CreatePipeline"]
    assert created["roles"] == [ROLE]
    assert "PipelineDefinition" not in created["resources"]

"""What a stack holds is there after a restart, and what was under way is said to have failed."""

import json

import boto3

from pipelines.local import EmbeddedSageMaker
from pipelines.local.stacks.record import StackRecord, Stacks
from pipelines.local.store import Store

FUNCTION = {
    "Handler": "index.handler",
    "Runtime": "python3.12",
    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
    "Code": {"ZipFile": "def handler(event, context): ..."},
}


def test_a_stack_lasts_over_a_restart_with_the_same_resources(tmp_path, role):
    key = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}

    def on(work):
        with EmbeddedSageMaker(state=tmp_path) as server:
            return work(lambda service: boto3.client(service, endpoint_url=server.url, **key))

    template = {
        "Resources": {
            "Role": role("lambda"),
            "Function": {"Type": "AWS::Lambda::Function", "Properties": FUNCTION},
            "Models": {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": "kept"}},
        }
    }

    def before(client):
        formation = client("cloudformation")
        formation.create_stack(StackName="kept", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
        return formation.describe_stack_resources(StackName="kept")["StackResources"]

    def after(client):
        found = client("cloudformation").describe_stack_resources(StackName="kept")["StackResources"]
        ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}
        described = client("lambda").get_function(FunctionName=ids["Function"])["Configuration"]
        assert described["Role"].endswith(ids["Role"])
        assert client("sagemaker").describe_model_package_group(ModelPackageGroupName="kept")
        return found

    assert on(before) == on(after)
    store = Store(tmp_path / "state.sqlite")
    kept = Stacks(store)
    interrupted = StackRecord("interrupted")
    interrupted.enter("CREATE_IN_PROGRESS")
    kept.save(interrupted)
    store.close()

    def ended(client):
        (found,) = client("cloudformation").describe_stacks(StackName="interrupted")["Stacks"]
        client("cloudformation").delete_stack(StackName="kept")
        left = client("lambda").list_functions()["Functions"]
        return found["StackStatus"], found["StackStatusReason"], left

    status, reason, left = on(ended)
    assert status == "CREATE_FAILED"
    assert "ended while" in reason
    assert left == []

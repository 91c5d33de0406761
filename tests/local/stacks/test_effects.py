"""What a stack holds works: functions run, rules and schedules fire, pipelines start, and all of it lasts."""

import json
import textwrap

import boto3

from pipelines.local import EmbeddedSageMaker
from pipelines.local.stacks.record import StackRecord, Stacks
from pipelines.local.store import Store

NOTE = """
    import boto3, json, os
    def handler(event, context):
        boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=os.environ["KEY"], Body=json.dumps(event))
"""


def function(bucket, key, role="Role"):
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Handler": "index.handler",
            "Runtime": "python3.12",
            "Timeout": "60",
            "Role": {"Fn::GetAtt": [role, "Arn"]},
            "Code": {"ZipFile": textwrap.dedent(NOTE)},
            "Environment": {"Variables": {"BUCKET": bucket, "KEY": key}},
        },
    }


def test_a_rule_of_a_stack_calls_its_function_when_a_model_is_approved(stacks, role, until):
    tiny = stacks.tiny
    pattern = {"source": ["aws.sagemaker"], "detail": {"ModelApprovalStatus": ["Approved"]}}
    stack = stacks.create(
        {
            "Role": role("lambda"),
            "Function": function(tiny.bucket, "approved.json"),
            "Models": {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": "watched"}},
            "Letters": {"Type": "AWS::SQS::Queue"},
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": pattern,
                    "Targets": [
                        {
                            "Id": "function",
                            "Arn": {"Fn::GetAtt": "Function.Arn"},
                            "DeadLetterConfig": {"Arn": {"Fn::GetAtt": "Letters.Arn"}},
                            "RetryPolicy": {"MaximumRetryAttempts": "1"},
                        }
                    ],
                },
            },
            "Permission": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": {"Ref": "Function"},
                    "Action": "lambda:InvokeFunction",
                    "Principal": "events.amazonaws.com",
                    "SourceArn": {"Fn::GetAtt": "Rule.Arn"},
                },
            },
            "Retries": {
                "Type": "AWS::Lambda::EventInvokeConfig",
                "Properties": {
                    "FunctionName": {"Ref": "Function"},
                    "Qualifier": "$LATEST",
                    "MaximumRetryAttempts": 0,
                    "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": "Letters.Arn"}}},
                },
            },
        }
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack.get("StackStatusReason")
    image = {"Image": tiny.image, "ModelDataUrl": tiny.put("m.tar.gz", "")}
    inference = {"Containers": [image], "SupportedContentTypes": ["a/b"], "SupportedResponseMIMETypes": ["a/b"]}
    tiny.sagemaker.create_model_package(
        ModelPackageGroupName="watched", ModelApprovalStatus="Approved", InferenceSpecification=inference
    )
    until(lambda: tiny.keys("approved.json"))
    event = json.loads(tiny.read(f"s3://{tiny.bucket}/approved.json"))
    assert event["detail"]["ModelPackageGroupName"] == "watched"
    name = stacks.resources(stack["StackName"])["Function"]["PhysicalResourceId"]
    functions = stacks.client("lambda")
    assert "Rule" in functions.get_policy(FunctionName=name)["Policy"]
    settings = functions.get_function_event_invoke_config(FunctionName=name)
    assert settings["MaximumRetryAttempts"] == 0
    stacks.formation.delete_stack(StackName=stack["StackName"])
    assert not [each for each in functions.list_functions()["Functions"] if each["FunctionName"] == name]


def test_a_schedule_of_a_stack_starts_its_pipeline(stacks, role, until):
    tiny = stacks.tiny
    fail = {"Name": "Fail", "Type": "Fail", "Arguments": {"ErrorMessage": "as planned"}}
    definition = json.dumps({"Version": "2020-12-01", "Steps": [fail]})
    pipeline = {
        "PipelineName": "of-a-stack",
        "RoleArn": {"Fn::GetAtt": "Role.Arn"},
        "PipelineDefinition": {"PipelineDefinitionBody": definition},
    }
    schedule = {
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ScheduleExpression": "rate(1 hour)",
        "Target": {
            "Arn": {"Fn::Sub": "arn:aws:sagemaker:${AWS::Region}:${AWS::AccountId}:pipeline/${Pipeline}"},
            "RoleArn": {"Fn::GetAtt": "Role.Arn"},
        },
    }
    stack = stacks.create(
        {
            "Role": role("sagemaker"),
            "Pipeline": {"Type": "AWS::SageMaker::Pipeline", "Properties": pipeline},
            "Schedule": {"Type": "AWS::Scheduler::Schedule", "Properties": schedule},
        }
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack.get("StackStatusReason")
    tiny.server.clock.advance(3601)

    def executions():
        listed = tiny.sagemaker.list_pipeline_executions(PipelineName="of-a-stack")
        return listed["PipelineExecutionSummaries"]

    until(lambda: len(executions()) == 1)
    assert tiny.finish(executions()[0]["PipelineExecutionArn"])["FailureReason"].endswith("as planned")


def test_a_stack_lasts_over_a_restart_with_the_same_resources(tmp_path, role):
    key = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}

    def on(work):
        with EmbeddedSageMaker(state=tmp_path) as server:
            return work(lambda service: boto3.client(service, endpoint_url=server.url, **key))

    template = {
        "Resources": {
            "Role": role("lambda"),
            "Function": function("any", "any"),
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
        assert client("sagemaker").describe_model_package_group(ModelPackageGroupName=ids["Models"])
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

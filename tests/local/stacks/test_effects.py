"""What a stack holds works: functions run, rules and schedules fire, pipelines start."""

import json
import textwrap

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

    until(executions)
    assert tiny.finish(executions()[0]["PipelineExecutionArn"])["FailureReason"].endswith("as planned")

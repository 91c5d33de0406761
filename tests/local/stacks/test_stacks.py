"""Stacks as CloudFormation treats them: what is made, changed, undone and deleted, and what is said about it."""

import json
import re

import pytest
from botocore.exceptions import ClientError, WaiterError

CONSENT = ["CAPABILITY_NAMED_IAM"]


def test_a_change_set_lists_what_it_would_do_and_does_it(stacks, queue):
    name, formation = stacks.tiny.name("stack"), stacks.formation
    body = {"Resources": {"Letters": queue(), "Topic": {"Type": "AWS::SNS::Topic"}}}
    made = formation.create_change_set(
        StackName=name, ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=json.dumps(body)
    )
    formation.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"])
    listed = formation.describe_change_set(ChangeSetName="first", StackName=name)
    changes = [each["ResourceChange"] for each in listed["Changes"]]
    assert [(each["Action"], each["LogicalResourceId"]) for each in changes] == [("Add", "Letters"), ("Add", "Topic")]
    assert stacks.describe(name)["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert stacks.resources(name) == {}
    formation.execute_change_set(ChangeSetName=made["Id"])
    formation.get_waiter("stack_create_complete").wait(StackName=name)
    body["Resources"] = {"Letters": queue(VisibilityTimeout=60), "Other": queue(QueueName=stacks.tiny.name("other"))}
    second = formation.create_change_set(StackName=name, ChangeSetName="second", TemplateBody=json.dumps(body))
    changes = [each["ResourceChange"] for each in formation.describe_change_set(ChangeSetName=second["Id"])["Changes"]]
    said = {each["LogicalResourceId"]: (each["Action"], each.get("Replacement")) for each in changes}
    assert said == {"Letters": ("Modify", "False"), "Other": ("Add", None), "Topic": ("Remove", None)}
    topic = stacks.resources(name)["Topic"]["PhysicalResourceId"]
    formation.execute_change_set(ChangeSetName="second", StackName=name)
    formation.get_waiter("stack_update_complete").wait(StackName=name)
    assert set(stacks.resources(name)) == {"Letters", "Other"}
    with pytest.raises(ClientError, match="NotFound"):
        stacks.client("sns").get_topic_attributes(TopicArn=topic)
    third = formation.create_change_set(StackName=name, ChangeSetName="third", TemplateBody=json.dumps(body))
    with pytest.raises(WaiterError):
        formation.get_waiter("change_set_create_complete").wait(ChangeSetName=third["Id"])
    described = formation.describe_change_set(ChangeSetName=third["Id"])
    assert described["StatusReason"].startswith("The submitted information didn't contain changes.")


def test_references_attributes_and_outputs_are_those_of_what_was_made(stacks, queue, role):
    stack = stacks.create(
        {
            "Letters": queue(),
            "Role": role("sagemaker"),
            "Models": {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": "shown"}},
            "Alias": {
                "Type": "AWS::KMS::Alias",
                "Properties": {"AliasName": "alias/shown", "TargetKeyId": {"Ref": "Key"}},
            },
            "Key": {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": "true"}},
        },
        Outputs={
            "Url": {"Value": {"Ref": "Letters"}},
            "Arn": {"Value": {"Fn::GetAtt": ["Letters", "Arn"]}, "Export": {"Name": "letters"}},
            "Role": {"Value": {"Fn::GetAtt": "Role.Arn"}},
            "Group": {"Value": {"Fn::GetAtt": "Models.ModelPackageGroupArn"}},
            "Key": {"Value": {"Ref": "Key"}},
        },
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = stack["Outputs"]
    attributes = stacks.client("sqs").get_queue_attributes(QueueUrl=outputs["Url"], AttributeNames=["QueueArn"])
    assert attributes["Attributes"]["QueueArn"] == outputs["Arn"]
    assert stacks.client("iam").get_role(RoleName=outputs["Role"].rpartition("/")[2])["Role"]["Arn"] == outputs["Role"]
    groups = stacks.tiny.sagemaker.describe_model_package_group(ModelPackageGroupName="shown")
    assert groups["ModelPackageGroupArn"] == outputs["Group"]
    assert stacks.client("kms").get_key_rotation_status(KeyId=outputs["Key"])["KeyRotationEnabled"]
    assert stacks.client("kms").describe_key(KeyId="alias/shown")["KeyMetadata"]["KeyId"] == outputs["Key"]
    exports = stacks.formation.list_exports()["Exports"]
    assert [(each["Name"], each["Value"]) for each in exports] == [("letters", outputs["Arn"])]


def test_a_failed_creation_is_undone_and_says_why(stacks, queue):
    resources = {
        "Letters": queue(QueueName="undone"),
        "Wrong": {**queue(VisibilityTimeout="long"), "DependsOn": "Letters"},
    }
    stack = stacks.create(resources)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "[Wrong]" in stack["StackStatusReason"]
    said = stacks.events(stack["StackName"])
    assert [reason for name, status, reason in said if (name, status) == ("Wrong", "CREATE_FAILED")] != [""]
    assert ("Letters", "DELETE_COMPLETE", "") in said
    assert not [url for url in stacks.client("sqs").list_queues().get("QueueUrls", []) if url.endswith("/undone")]
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        stacks.update(stack["StackName"], resources)
    stacks.formation.delete_stack(StackName=stack["StackName"])
    assert stacks.create({"Letters": queue()}, name=stack["StackName"])["StackStatus"] == "CREATE_COMPLETE"


def test_a_failed_update_leaves_everything_as_it_was(stacks, queue):
    before = {"Letters": queue(VisibilityTimeout=30), "Renamed": queue(QueueName="before"), "Gone": queue()}
    name = stacks.create(before)["StackName"]
    kept = {key: each["PhysicalResourceId"] for key, each in stacks.resources(name).items()}
    wrong = {
        "Letters": queue(VisibilityTimeout=60),
        "Renamed": queue(QueueName="after"),
        "Wrong": {**queue(QueueName="wrong", VisibilityTimeout="long"), "DependsOn": ["Letters", "Renamed"]},
    }
    after = stacks.update(name, wrong)
    assert after["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "[Wrong]" in after["StackStatusReason"]
    assert {key: each["PhysicalResourceId"] for key, each in stacks.resources(name).items()} == kept
    attributes = stacks.client("sqs").get_queue_attributes(QueueUrl=kept["Letters"], AttributeNames=["All"])
    assert attributes["Attributes"]["VisibilityTimeout"] == "30"
    names = [url.rpartition("/")[2] for url in stacks.client("sqs").list_queues()["QueueUrls"]]
    assert "before" in names
    assert "after" not in names


def test_a_change_of_the_name_makes_another_and_deletes_the_first(stacks, queue):
    name = stacks.create({"Letters": queue(QueueName="first-name")})["StackName"]
    stacks.update(name, {"Letters": queue(QueueName="second-name")})
    assert stacks.resources(name)["Letters"]["PhysicalResourceId"].endswith("/second-name")
    names = [url.rpartition("/")[2] for url in stacks.client("sqs").list_queues()["QueueUrls"]]
    assert "first-name" not in names


def test_a_bucket_with_objects_keeps_its_stack_from_being_deleted(stacks):
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "full-bucket"}}
    retained = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": "lasting-bucket"}}
    stack = stacks.create({"Full": bucket, "Lasting": retained})
    stacks.tiny.s3.put_object(Bucket="full-bucket", Key="k", Body=b"")
    stacks.formation.delete_stack(StackName=stack["StackId"])
    assert stacks.describe(stack["StackId"])["StackStatus"] == "DELETE_FAILED"
    assert "[Full]" in stacks.describe(stack["StackId"])["StackStatusReason"]
    stacks.tiny.s3.delete_object(Bucket="full-bucket", Key="k")
    stacks.formation.delete_stack(StackName=stack["StackId"])
    stacks.formation.get_waiter("stack_delete_complete").wait(StackName=stack["StackId"])
    buckets = [each["Name"] for each in stacks.tiny.s3.list_buckets()["Buckets"]]
    assert "lasting-bucket" in buckets
    assert "full-bucket" not in buckets


def test_a_bucket_of_a_stack_is_as_its_properties_say(stacks):
    stacks.create(
        """
        Resources:
          Data:
            Type: AWS::S3::Bucket
            Properties:
              BucketName: described-bucket
              VersioningConfiguration: {Status: Enabled}
              BucketEncryption:
                ServerSideEncryptionConfiguration: [ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}]
              LifecycleConfiguration:
                Rules: [{Id: old, Status: Enabled, Prefix: tmp/, ExpirationInDays: "7"}]
          OnlyTls:
            Type: AWS::S3::BucketPolicy
            Properties:
              Bucket: !Ref Data
              PolicyDocument:
                Version: 2012-10-17
                Statement:
                  Effect: Deny
                  Principal: "*"
                  Action: s3:*
                  Resource: [!GetAtt Data.Arn, !Sub "${Data.Arn}/*"]
                  Condition: {Bool: {aws:SecureTransport: false}}
        """
    )
    s3, named = stacks.tiny.s3, {"Bucket": "described-bucket"}
    assert s3.get_bucket_versioning(**named)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_lifecycle_configuration(**named)["Rules"]
    assert (rule["ID"], rule["Expiration"]["Days"]) == ("old", 7)
    (rule,) = s3.get_bucket_encryption(**named)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    s3.put_object(**named, Key="k", Body=b"over the loopback, which counts as safe")
    assert s3.get_object(**named, Key="k")["ContentLength"] == 39


def test_types_without_effect_are_part_of_their_stack(stacks):
    vpc = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
    subnet = {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24"}}
    name = stacks.create({"Vpc": vpc, "Subnet": subnet})["StackName"]
    found = stacks.resources(name)
    assert found["Vpc"]["PhysicalResourceId"].startswith("vpc-")
    assert (found["Subnet"]["ResourceStatus"], found["Subnet"]["ResourceType"]) == (
        "CREATE_COMPLETE",
        "AWS::EC2::Subnet",
    )


def test_what_is_wrong_from_the_beginning_is_refused_before_anything_is_made(stacks, queue, role):
    consent = stacks.formation.exceptions.InsufficientCapabilitiesException
    with pytest.raises(consent, match="CAPABILITY_IAM"):
        stacks.formation.create_stack(StackName="any", TemplateBody=json.dumps({"Resources": {"R": role("lambda")}}))
    assert "Unrecognized" in stacks.refusal({"Q": {"Type": "AWS::SQS::Kueue"}})[1]
    assert "do not exist in the template" in stacks.refusal({"Q": queue()}, parameters={"Unknown": "x"})[1]
    assert "pattern" in stacks.refusal({"Q": queue()}, name="1st")[1]
    long = json.dumps({"Resources": {"Q": queue()}, "Description": "x" * 51_200})
    assert "51200" in stacks.refusal(long)[1]
    name = stacks.create({"Q": queue()})["StackName"]
    assert stacks.refusal({"Q": queue()}, name=name)[0] == "AlreadyExistsException"
    with pytest.raises(ClientError, match="does not exist"):
        stacks.describe("nowhere")
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stacks.update(name, {"Q": queue()})
    reasons = [reason for _, status, reason in stacks.events(stacks.create({"Q": queue(QueueNme="q")})["StackName"])]
    assert "#: extraneous key [QueueNme] is not permitted" in reasons


def test_a_protected_stack_is_not_deleted(stacks, queue):
    name = stacks.create({"Q": queue()})["StackName"]
    stacks.formation.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection"):
        stacks.formation.delete_stack(StackName=name)


def test_made_up_names_begin_with_the_stacks_but_those_of_secrets(stacks, queue):
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "s"}}
    name = stacks.create({"Letters": queue(), "ApiKey": secret})["StackName"]
    ids = {each: found["PhysicalResourceId"] for each, found in stacks.resources(name).items()}
    assert re.fullmatch(rf"{name}-Letters-[A-Z0-9]{{12}}", ids["Letters"].rpartition("/")[2])
    assert re.fullmatch(r"ApiKey-[A-Z0-9]{12}-\w{6}", ids["ApiKey"].rpartition(":")[2])

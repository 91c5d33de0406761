"""Model packages: what the registry keeps, and what registering from a pipeline leaves in it."""

import pytest
from botocore.exceptions import ClientError

METRICS = {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/e.json"}}}
SPECIFICATION = {
    "Containers": [{"Image": "1.dkr.ecr.us-east-1.amazonaws.com/tiny/serving:1", "ModelDataUrl": "s3://b/m.tar.gz"}],
    "SupportedContentTypes": ["image/jpeg"],
    "SupportedResponseMIMETypes": ["application/json"],
}


def register(tiny, group, **more):
    arguments = {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": SPECIFICATION,
        "ModelMetrics": METRICS,
        "CustomerMetadataProperties": {"accuracy": {"Std:Join": {"On": "", "Values": [0.75]}}},
        **more,
    }
    execution = tiny.run([{"Name": "Register", "Type": "RegisterModel", "Arguments": arguments}])
    assert execution["PipelineExecutionStatus"] == "Succeeded", execution["FailureReason"]
    return execution["Steps"]["Register"]["Metadata"]["RegisterModel"]["Arn"]


def test_registering_creates_the_group_and_counts_versions(tiny):
    first, second = register(tiny, "counted"), register(tiny, "counted")
    listing = tiny.sagemaker.list_model_packages(ModelPackageGroupName="counted", SortOrder="Ascending")
    assert [
        (item["ModelPackageArn"], item["ModelPackageVersion"], item["ModelApprovalStatus"])
        for item in listing["ModelPackageSummaryList"]
    ] == [(first, 1, "PendingManualApproval"), (second, 2, "PendingManualApproval")]


def test_a_package_keeps_its_metrics_container_and_metadata_when_it_is_approved(tiny):
    arn = register(tiny, "approved")
    tiny.sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="counted by hand"
    )
    tiny.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"by": "me"})
    package = tiny.sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"] == "counted by hand"
    assert package["CustomerMetadataProperties"] == {"accuracy": "0.75", "by": "me"}
    assert package["ModelMetrics"] == METRICS
    assert package["InferenceSpecification"] == SPECIFICATION


def test_a_group_that_exists_is_not_replaced(tiny):
    tiny.sagemaker.create_model_package_group(ModelPackageGroupName="once", ModelPackageGroupDescription="first")
    with pytest.raises(ClientError, match="already exists"):
        tiny.sagemaker.create_model_package_group(ModelPackageGroupName="once")
    group = tiny.sagemaker.describe_model_package_group(ModelPackageGroupName="once")
    assert group["ModelPackageGroupDescription"] == "first"


def test_approving_a_package_that_does_not_exist_is_refused(tiny):
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/nobody/1"
    with pytest.raises(ClientError, match="nobody/1 does not exist"):
        tiny.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")


def test_a_field_that_would_be_lost_is_refused(tiny):
    with pytest.raises(ClientError, match="does not keep SourceUri"):
        tiny.sagemaker.create_model_package(ModelPackageName="lost", SourceUri="s3://b/m")
    arn = tiny.sagemaker.create_model_package(ModelPackageName="updated")["ModelPackageArn"]
    for field, value in {"SourceUri": "s3://b/m", "InferenceSpecification": SPECIFICATION}.items():
        with pytest.raises(ClientError, match=f"does not keep {field}"):
            tiny.sagemaker.update_model_package(ModelPackageArn=arn, **{field: value})


def test_a_version_that_is_deleted_is_gone_and_its_number_is_not_given_again(tiny):
    client = tiny.sagemaker
    client.create_model_package_group(ModelPackageGroupName="pruned")
    first, second = (client.create_model_package(ModelPackageGroupName="pruned")["ModelPackageArn"] for _ in range(2))
    with pytest.raises(ClientError, match="deleted by its ARN"):
        client.delete_model_package(ModelPackageName="pruned")
    client.delete_model_package(ModelPackageName=second)
    with pytest.raises(ClientError, match="not found"):
        client.describe_model_package(ModelPackageName=second)
    third = client.create_model_package(ModelPackageGroupName="pruned")["ModelPackageArn"]
    assert third.endswith("/pruned/3")
    listed = client.list_model_packages(ModelPackageGroupName="pruned")["ModelPackageSummaryList"]
    assert {each["ModelPackageArn"] for each in listed} == {first, third}


def test_a_group_is_deleted_once_it_is_empty(tiny):
    client = tiny.sagemaker
    client.create_model_package_group(ModelPackageGroupName="emptied")
    arn = client.create_model_package(ModelPackageGroupName="emptied")["ModelPackageArn"]
    with pytest.raises(client.exceptions.ConflictException, match="has model packages"):
        client.delete_model_package_group(ModelPackageGroupName="emptied")
    client.delete_model_package(ModelPackageName=arn)
    client.delete_model_package_group(ModelPackageGroupName="emptied")
    with pytest.raises(ClientError, match="does not exist"):
        client.describe_model_package_group(ModelPackageGroupName="emptied")

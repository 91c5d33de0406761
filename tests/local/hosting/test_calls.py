"""The calls about models, endpoint configurations and endpoints answer as AWS's do."""

import threading

import pytest
from botocore.exceptions import ClientError


def refused(words, call, **arguments):
    with pytest.raises(ClientError, match=words) as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_a_model_is_described_listed_and_deleted(endpoints, tiny):
    name = endpoints.model(LEVEL="1")
    described = endpoints.sagemaker.describe_model(ModelName=name)
    assert described["ModelArn"] == f"arn:aws:sagemaker:us-east-1:123456789012:model/{name}"
    assert described["PrimaryContainer"] == {"Image": endpoints.image, "Environment": {"LEVEL": "1"}}
    assert described["EnableNetworkIsolation"] is False
    other = endpoints.model()
    listed = endpoints.sagemaker.list_models(NameContains="model", SortBy="Name", SortOrder="Ascending", MaxResults=1)
    assert len(listed["Models"]) == 1
    rest = endpoints.sagemaker.list_models(
        NameContains="model", SortBy="Name", SortOrder="Ascending", NextToken=listed["NextToken"]
    )
    assert {name, other} <= {each["ModelName"] for each in listed["Models"] + rest["Models"]}
    container = {"Image": endpoints.image}
    refused(
        "Cannot create already existing model",
        endpoints.sagemaker.create_model,
        ModelName=name,
        PrimaryContainer=container,
    )
    endpoints.sagemaker.delete_model(ModelName=name)
    refused("Could not find model", endpoints.sagemaker.describe_model, ModelName=name)
    refused("Could not find model", endpoints.sagemaker.delete_model, ModelName=name)


def test_an_endpoint_configuration_is_described_listed_tagged_and_deleted(endpoints):
    name = endpoints.config(endpoints.model(), Tags=[{"Key": "team", "Value": "bins"}])
    described = endpoints.sagemaker.describe_endpoint_config(EndpointConfigName=name)
    assert described["ProductionVariants"][0]["VariantName"] == "AllTraffic"
    tags = endpoints.sagemaker.list_tags(ResourceArn=described["EndpointConfigArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "bins"}]
    listed = endpoints.sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"]
    assert [each["EndpointConfigName"] for each in listed] == [name]
    endpoints.sagemaker.delete_endpoint_config(EndpointConfigName=name)
    call = endpoints.sagemaker.describe_endpoint_config
    refused("Could not find endpoint configuration", call, EndpointConfigName=name)


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"Image": "tiny", "Mode": "MultiModel"}, "does not support Mode MultiModel"),
        ({"Image": "tiny", "ModelDataUrl": "s3://tiny-bucket/no/model.tar.gz"}, "Could not find model data at s3:"),
        ({"Image": "tiny", "ModelDataUrl": "s3://tiny-bucket"}, "Could not find model data at s3://tiny-bucket"),
        ({"Image": "tiny", "ModelDataUrl": "https://example.com/model.tar.gz"}, "must be in S3"),
        ({"ModelDataUrl": "s3://tiny-bucket/x"}, "needs an Image or a ModelPackageName"),
        ({"ModelPackageName": "nobody/1"}, "Could not find model package"),
    ],
)
def test_a_model_that_cannot_be_served_is_refused(endpoints, container, words):
    refused(words, endpoints.sagemaker.create_model, ModelName="refused", PrimaryContainer=container)


def test_two_containers_of_one_name_are_refused(endpoints):
    twins = [{"Image": endpoints.image, "ContainerHostname": "twin"}] * 2
    refused("two containers named 'twin'", endpoints.sagemaker.create_model, ModelName="twins", Containers=twins)


def test_an_endpoint_configuration_that_cannot_be_run_is_refused(endpoints):
    model = endpoints.model()
    good = endpoints.variant(model)
    capture = {"InitialSamplingPercentage": 1, "CaptureOptions": [{"CaptureMode": "Input"}]}
    elsewhere = {**capture, "DestinationS3Uri": "https://a/b"}
    output = {"OutputConfig": {"S3OutputPath": "s3://tiny-bucket/x"}}
    cases = {
        "Could not find model": {"ProductionVariants": [endpoints.variant("nobody")]},
        "names of production variants must be unique": {"ProductionVariants": [good, good]},
        "needs an InstanceType": {"ProductionVariants": [{"VariantName": "A", "ModelName": model}]},
        "needs a ModelName": {"ProductionVariants": [{"VariantName": "A", "InstanceType": "ml.m5.large"}]},
        "DestinationS3Uri of DataCaptureConfig": {"ProductionVariants": [good], "DataCaptureConfig": elsewhere},
        "does not support AsyncInferenceConfig": {"ProductionVariants": [good], "AsyncInferenceConfig": output},
        "does not support ShadowProductionVariants": {"ProductionVariants": [good], "ShadowProductionVariants": [good]},
    }
    for words, arguments in cases.items():
        refused(words, endpoints.sagemaker.create_endpoint_config, EndpointConfigName="refused", **arguments)


def test_an_endpoint_that_cannot_be_made_is_refused(endpoints):
    create = endpoints.sagemaker.create_endpoint
    refused("Could not find endpoint configuration", create, EndpointName="refused", EndpointConfigName="nobody")
    many = endpoints.config(endpoints.variant(endpoints.model(), count=17))
    with pytest.raises(ClientError, match="at most 16") as error:
        create(EndpointName="refused", EndpointConfigName=many)
    assert error.value.response["Error"]["Code"] == "ResourceLimitExceeded"


def test_endpoints_are_listed_by_name_and_status(endpoints):
    name = endpoints.create(endpoints.config(endpoints.model()))
    listed = endpoints.sagemaker.list_endpoints(NameContains=name, StatusEquals="InService")["Endpoints"]
    assert [each["EndpointName"] for each in listed] == [name]
    assert endpoints.sagemaker.list_endpoints(NameContains=name, StatusEquals="Failed")["Endpoints"] == []
    refused(
        "Cannot create already existing endpoint",
        endpoints.sagemaker.create_endpoint,
        EndpointName=name,
        EndpointConfigName=endpoints.describe(name)["EndpointConfigName"],
    )


@pytest.fixture
def package(endpoints, tiny):
    """A registered model package that waits for its approval; its ARN."""
    group = tiny.name("group")
    endpoints.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    uri = tiny.put(f"packages/{group}/weights.txt", "from a package")
    source = {"S3Uri": uri, "S3DataType": "S3Object", "CompressionType": "None"}
    container = {
        "Image": endpoints.image,
        "ModelDataSource": {"S3DataSource": source},
        "Environment": {"LEVEL": "1", "MODE": "package"},
    }
    return endpoints.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]


def test_a_model_package_is_served_once_it_is_approved(endpoints, tiny, package):
    name = tiny.name("model")
    primary = {"ModelPackageName": package, "Environment": {"LEVEL": "2"}}
    create = endpoints.sagemaker.create_model
    refused("it is PendingManualApproval, not Approved", create, ModelName=name, PrimaryContainer=primary)
    endpoints.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    create(ModelName=name, PrimaryContainer=primary)
    seen = endpoints.ask(endpoints.create(endpoints.config(name)))
    assert seen["files"] == {"weights.txt": "from a package"}
    assert (seen["environment"]["LEVEL"], seen["environment"]["MODE"]) == ("2", "package")


def test_the_containers_of_an_inference_pipeline_answer_one_after_the_other(endpoints, tiny):
    name = tiny.name("model")
    containers = [{"Image": endpoints.image, "Environment": {"LEVEL": level}} for level in ("first", "second")]
    endpoints.sagemaker.create_model(ModelName=name, Containers=containers)
    seen = endpoints.ask(endpoints.create(endpoints.config(name)), b"hello")
    assert seen["environment"]["LEVEL"] == "second"
    assert '"LEVEL": "first"' in seen["body"]
    assert seen["headers"]["Content-Type"] == "application/json"


def test_a_serverless_variant_answers_as_many_requests_at_once_as_it_may(endpoints):
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    variant = {"VariantName": "AllTraffic", "ModelName": endpoints.model(), "ServerlessConfig": serverless}
    name = endpoints.create(endpoints.config(variant))
    assert endpoints.describe(name)["ProductionVariants"][0]["CurrentServerlessConfig"] == serverless
    busy = threading.Thread(target=endpoints.invoke, args=(name, b"sleep 2"))
    busy.start()

    def throttled():
        try:
            endpoints.invoke(name)
        except ClientError as error:
            return error.response["Error"]["Code"] == "ThrottlingException"
        return False

    endpoints.until(throttled)
    busy.join()
    assert endpoints.ask(name, b"again")["body"] == "again"

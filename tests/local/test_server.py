"""Starting and stopping the server, and requests that are not right."""

import json
import socket
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

from pipelines.local import EmbeddedSageMaker, ServerError


def post(url, action, body):
    """Send a raw request in AWS's JSON protocol; returns status and answer."""
    headers = {"X-Amz-Target": f"SageMaker.{action}", "Content-Type": "application/x-amz-json-1.1"}
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_a_start_on_a_new_folder_is_from_a_clean_slate(tmp_path, s3_of):
    for name in ("one", "another"):
        server = EmbeddedSageMaker(state=tmp_path / name)
        with server as aws:
            assert aws.url.startswith("http://127.0.0.1:")
            assert s3_of(aws).list_buckets()["Buckets"] == []
            s3_of(aws).create_bucket(Bucket="left-behind")
            assert post(aws.url, "ListPipelines", b"{}") == (200, {"PipelineSummaries": []})
    server.stop()  # stopping a stopped server does nothing


def test_a_port_in_use_is_one_sentence_and_the_next_start_works(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=f"Cannot listen on port {port}") as error:
            EmbeddedSageMaker(state=tmp_path, port=port).start()
    assert "\n" not in str(error.value)
    with EmbeddedSageMaker(state=tmp_path, port=0) as aws:
        assert aws.environment()["AWS_ENDPOINT_URL"] == aws.url


@pytest.mark.parametrize(
    ("action", "body", "code", "says"),
    [
        ("DescribePipeline", b"{}", "ValidationException", "'PipelineName' is required"),
        ("DescribePipeline", b"[]", "SerializationException", "object"),
        ("DescribePipeline", b"{", "SerializationException", "not JSON"),
        ("DescribePipeline", b'{"PipelineName": NaN}', "SerializationException", "NaN"),
        ("DescribePipeline", b"[" * 100_000, "SerializationException", "not JSON"),
        ("DescribePipeline", b'{"a":' * 900 + b"1" + b"}" * 900, "SerializationException", "not JSON"),
        ("DescribePipeline", b'{"PipelineName": 3}', "ValidationException", "must be a string, not 3"),
        ("DescribePipeline", b'{"PipelineName": "p", "Colour": 1}', "ValidationException", "not a known field"),
        ("DescribePipeline", b'{"PipelineName": "nobody"}', "ResourceNotFound", "nobody"),
        ("ListPipelines", b'{"NextToken": "x"}', "ValidationException", "NextToken"),
        ("ListPipelines", b'{"SortBy": "Colour"}', "ValidationException", "must be one of Name, CreationTime"),
        ("ListPipelines", b'{"MaxResults": 0}', "ValidationException", "at least 1"),
        ("CreatePipeline", b" " * (8 * 1024 * 1024 + 1), "ValidationException", "at most"),
    ],
)
def test_a_wrong_request_is_answered_in_awss_form(tiny, action, body, code, says):
    status, answer = post(tiny.server.url, action, body)
    assert status == 400
    assert answer["__type"] == code
    assert says in answer["message"]


def test_a_call_that_nobody_knows_is_refused_by_its_name(tiny):
    status, answer = post(tiny.server.url, "Nonsense", b"{}")
    assert (status, answer["__type"]) == (400, "UnknownOperationException")
    with pytest.raises(ClientError, match="does not know ListMonitoringSchedules") as refused:
        tiny.sagemaker.list_monitoring_schedules()
    assert refused.value.response["Error"]["Code"] == "UnknownOperationException"
    assert refused.value.response["ResponseMetadata"]["RetryAttempts"] == 0


@pytest.mark.parametrize("resource", ["model/nobody", "no-such-kind/a", "model-package/nobody/1"])
def test_tags_of_what_does_not_exist_are_not_found(tiny, resource):
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:{resource}"
    with pytest.raises(tiny.sagemaker.exceptions.ResourceNotFound, match="no such resource"):
        tiny.sagemaker.list_tags(ResourceArn=arn)


def test_what_is_not_ours_is_answered_by_moto(tiny):
    tiny.sagemaker.create_model_package_group(ModelPackageGroupName="kept-by-moto")
    names = [
        item["ModelPackageGroupName"]
        for item in tiny.sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    ]
    assert names == ["kept-by-moto"]


def test_tags_of_what_moto_keeps_are_still_motos(tiny):
    tags = [{"Key": "team", "Value": "bins"}]
    answer = tiny.sagemaker.create_model_package_group(ModelPackageGroupName="tagged", Tags=tags)
    assert tiny.sagemaker.list_tags(ResourceArn=answer["ModelPackageGroupArn"])["Tags"] == tags

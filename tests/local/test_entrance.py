"""Who is let in: AWS's clients from any region, and no web page."""

import http.client
import json

import pytest


def ask(tiny, method="POST", **headers):
    """A raw request for the list of pipelines; returns its status, headers and answer."""
    address = tiny.server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        defaults = {"Host": address, "X-Amz-Target": "SageMaker.ListPipelines", "Content-Type": "text/plain"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, "/", body="{}", headers={**defaults, **named})
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "GET"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Host": "evil.example:4599"},
        {"Host": "localhost.evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[evil"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
)
def test_a_web_page_is_refused(tiny, method, headers):
    status, answered, answer = ask(tiny, method, **headers)
    assert (status, answer["__type"]) == (403, "AccessDeniedException")
    assert not [name for name in answered if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("host", ["localhost:1", "LOCALHOST", "[::1]:4599", "192.0.2.1", "bucket.localhost:4599"])
def test_a_client_is_let_in_by_any_name_of_the_machine(tiny, host):
    assert ask(tiny, Host=host)[0] == 200


def test_no_answer_of_moto_invites_a_page(tiny):
    answered = tiny.s3.list_buckets()["ResponseMetadata"]["HTTPHeaders"]
    assert not [name for name in answered if name.startswith("access-control-")]


def test_clients_of_every_region_meet_in_one(tiny):
    def client(service):
        return tiny.session.client(service, endpoint_url=tiny.server.url, region_name="eu-west-1")

    client("sagemaker").create_model_package_group(ModelPackageGroupName="abroad")
    group = tiny.sagemaker.describe_model_package_group(ModelPackageGroupName="abroad")
    assert group["ModelPackageGroupArn"].startswith("arn:aws:sagemaker:us-east-1:")
    client("sqs").create_queue(QueueName="abroad")
    assert tiny.session.client("sqs", endpoint_url=tiny.server.url).get_queue_url(QueueName="abroad")
    where = {"LocationConstraint": "eu-west-1"}
    client("s3").create_bucket(Bucket="abroad-bucket", CreateBucketConfiguration=where)
    client("s3").put_object(Bucket="abroad-bucket", Key="k", Body=b"x")
    assert tiny.read("s3://abroad-bucket/k") == b"x"

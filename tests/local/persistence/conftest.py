"""Servers that come and go on one state folder."""

import boto3
import pytest

from pipelines.local import EmbeddedSageMaker


@pytest.fixture(scope="session")
def client_of():
    """Make a client of any service of any server, given its URL."""
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}

    def make(url, service):
        return boto3.client(service, endpoint_url=url, **keys)

    return make


@pytest.fixture
def on(tmp_path, client_of):
    """Do something with the clients of a server on this test's state folder; each call is another server."""

    def run(work):
        with EmbeddedSageMaker(state=tmp_path) as aws:
            return work(lambda service: client_of(aws.url, service))

    return run

"""Changes of endpoints are announced in the form of EventBridge's events, and kept for the next server."""

import pytest

from pipelines.local.announcements import Announcements
from pipelines.local.connection import Connection
from pipelines.local.hosting.service import Hosting
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.store import Store


@pytest.fixture
def start(tiny, server_image, containers, tmp_path):
    """Start hosting over one store, as a server does; gives it, and what it announces."""
    store = Store(tmp_path / "state.sqlite")
    surroundings = Surroundings(tmp_path / "endpoints", containers, Connection(tiny.server.url), lambda: 0, 5.0)
    started = []

    def make():
        told = []
        announcements = Announcements()
        announcements.subscribe(told.append)
        hosting = Hosting(surroundings, store, announcements)
        hosting.resume()
        started.append(hosting)
        return hosting, told

    yield make
    for hosting in started:
        hosting.close()
    store.close()


def create(hosting, image, **environment):
    variant = {"VariantName": "V", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    container = {"Image": image, "Environment": environment}
    hosting.models.create({"ModelName": "m", "PrimaryContainer": container})
    hosting.configs.create({"EndpointConfigName": "c", "ProductionVariants": [variant]})
    tags = [{"Key": "team", "Value": "bins"}]
    hosting.create({"EndpointName": "e", "EndpointConfigName": "c", "Tags": tags})
    return hosting.find("e")


def test_changes_are_announced_with_status_in_capitals(start, server_image):
    hosting, told = start()
    endpoint = create(hosting, server_image)
    assert endpoint.wait(60)
    hosting.update({"EndpointName": "e", "EndpointConfigName": "c"})
    assert endpoint.wait(60)
    endpoint.delete()
    assert endpoint.wait(60)

    kinds = [each.detail_type for each in told]
    assert kinds[:2] == ["SageMaker Model State Change", "SageMaker Endpoint Config State Change"]
    assert set(kinds[2:]) == {"SageMaker Endpoint State Change"}
    details = [each.detail for each in told[2:]]
    statuses = [detail["EndpointStatus"] for detail in details]
    assert statuses == ["CREATING", "IN_SERVICE", "UPDATING", "IN_SERVICE", "DELETING"]
    assert {each.arn for each in told[2:]} == {"arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"}
    assert all(detail["Tags"] == {"team": "bins"} for detail in details)
    assert all(detail["CreationTime"] == endpoint.record.created for detail in details)
    assert told[0].detail["ModelName"] == "m"


def test_an_endpoint_that_is_closed_while_it_is_created_is_created_by_the_next_server(start, server_image, tmp_path):
    hosting, _ = start()
    endpoint = create(hosting, server_image, WAIT_FOR=str(tmp_path / "go"))
    hosting.close()
    assert endpoint.record.status == "Creating"
    (tmp_path / "go").touch()

    later, told = start()
    endpoint = later.find("e")
    assert endpoint.wait(60)
    assert endpoint.record.status == "InService"
    assert endpoint.send(b"echo", {"Content-Type": "a/b"}, None)[1].body == b"echo"
    assert [each.detail["EndpointStatus"] for each in told] == ["CREATING", "IN_SERVICE"]
    assert later.tags()[endpoint.arn] == [{"Key": "team", "Value": "bins"}]


def test_a_deleted_endpoint_does_not_come_back(start, server_image):
    hosting, _ = start()
    endpoint = create(hosting, server_image)
    assert endpoint.wait(60)
    endpoint.delete()
    assert endpoint.wait(60)
    later, _ = start()
    assert not later.exists("e")
    assert later.models.describe({"ModelName": "m"})["ModelName"] == "m"

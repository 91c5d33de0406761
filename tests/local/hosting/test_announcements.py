"""Every change of an endpoint is announced in the form of EventBridge's events."""

import pytest

from pipelines.local.announcements import Announcements
from pipelines.local.connection import Connection
from pipelines.local.hosting.service import Hosting
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.store import Store


@pytest.fixture
def announced(tiny, server_image, containers, tmp_path):
    """Hosting of its own, with what it announces."""
    told = []
    announcements = Announcements()
    announcements.subscribe(told.append)
    store = Store(tmp_path / "state.sqlite")
    surroundings = Surroundings(tmp_path, containers, Connection(tiny.server.url), lambda: 0, 5.0)
    hosting = Hosting(surroundings, store, announcements)
    hosting.resume()
    yield hosting, told
    hosting.close()
    store.close()


def test_changes_are_announced_with_status_in_capitals_and_times_in_milliseconds(announced, server_image):
    hosting, told = announced
    variant = {"VariantName": "V", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    hosting.models.create({"ModelName": "m", "PrimaryContainer": {"Image": server_image}})
    hosting.configs.create({"EndpointConfigName": "c", "ProductionVariants": [variant]})
    tags = [{"Key": "team", "Value": "bins"}]
    hosting.create({"EndpointName": "e", "EndpointConfigName": "c", "Tags": tags})
    endpoint = hosting.find("e")
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
    assert all(detail["CreationTime"] == endpoint.record.created * 1000 for detail in details)
    assert told[0].detail["ModelName"] == "m"

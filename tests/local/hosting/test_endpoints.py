"""An endpoint is created, answers, is updated, fails, is repaired and deleted as on AWS."""

import sqlite3
import threading

import pytest
from botocore.exceptions import ClientError

from pipelines.local import Isolation
from pipelines.local.hosting.artifacts import fetch_model_data
from pipelines.local.store import Store


def test_an_endpoint_serves_its_model_until_it_is_deleted(endpoints, tiny, until, listens):
    config = endpoints.config(endpoints.model("v1", LEVEL="9"), Tags=[{"Key": "team", "Value": "bins"}])
    name = endpoints.create(config)
    described = endpoints.describe(name)
    assert described["EndpointConfigName"] == config
    (variant,) = described["ProductionVariants"]
    assert (variant["VariantName"], variant["CurrentWeight"], variant["CurrentInstanceCount"]) == ("AllTraffic", 1.0, 1)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == endpoints.image

    answer = endpoints.invoke(
        name, b"seven", ContentType="text/csv", Accept="application/json", CustomAttributes="a=1", InferenceId="x1"
    )
    assert (answer["InvokedProductionVariant"], answer["ContentType"]) == ("AllTraffic", "application/json")
    assert answer["CustomAttributes"] == "seen"
    seen = endpoints.ask(name, b"seven", ContentType="text/csv", CustomAttributes="a=1")
    assert (seen["body"], seen["files"], seen["environment"]["LEVEL"]) == ("seven", {"weights": "v1"}, "9")
    assert seen["headers"]["Content-Type"] == "text/csv"
    assert seen["headers"]["X-Amzn-SageMaker-Custom-Attributes"] == "a=1"
    group = f"/aws/sagemaker/Endpoints/{name}"
    until(lambda: "serving ['weights']" in tiny.log(group, "AllTraffic"))

    endpoints.delete(name)
    assert not listens(seen["port"])
    assert not (tiny.state / "endpoints" / name).exists()
    with pytest.raises(ClientError, match=f"Endpoint {name} of account 123456789012 not found") as error:
        endpoints.invoke(name)
    assert error.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError, match="Could not find endpoint") as error:
        endpoints.describe(name)
    assert error.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.skipif(Isolation.best() is not Isolation.NAMESPACES, reason="this machine grants no namespaces")
def test_an_endpoint_sees_nothing_of_what_the_server_keeps(endpoints, tiny):
    name = endpoints.create(endpoints.config(endpoints.model("w")))
    assert endpoints.ask(name, f"list {tiny.state}".encode()) == []


def test_an_error_of_the_container_is_a_model_error_with_what_it_said(endpoints):
    name = endpoints.create(endpoints.config(endpoints.model()))
    for status, side in ((500, "server"), (404, "client"), (302, "client")):
        with pytest.raises(ClientError) as error:
            endpoints.invoke(name, b"status %d" % status)
        response = error.value.response
        assert response["Error"]["Code"] == "ModelError"
        assert response["Error"]["Message"].startswith(
            f'Received {side} error ({status}) from primary with message "the lamp is off"'
        )
        assert (response["OriginalStatusCode"], response["OriginalMessage"]) == (status, "the lamp is off")
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
        assert f":log-group:/aws/sagemaker/Endpoints/{name}:" in response["LogStreamArn"]


def test_what_an_endpoint_cannot_take_is_refused(endpoints):
    name = endpoints.create(endpoints.config(endpoints.model()))
    refusals = {
        "may have 26214400 bytes": {"Body": b"x" * (26214400 + 1)},
        "has no variant named 'Other'": {"TargetVariant": "Other"},
        "does not support X-Amzn-SageMaker-Target-Model": {"TargetModel": "m.tar.gz"},
    }
    for words, arguments in refusals.items():
        with pytest.raises(ClientError, match=words) as error:
            endpoints.runtime.invoke_endpoint(EndpointName=name, **{"Body": b"", **arguments})
        assert error.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError, match="does not support async-invocations"):
        endpoints.runtime.invoke_endpoint_async(EndpointName=name, InputLocation="s3://b/k")


def test_an_endpoint_whose_container_is_not_healthy_fails_in_awss_words(endpoints):
    name = endpoints.create(endpoints.config(endpoints.model(EXIT="3")), status="Failed")
    reason = endpoints.describe(name)["FailureReason"]
    assert reason.startswith(
        "The primary container for production variant AllTraffic did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
    assert "exit code 3" in reason
    with pytest.raises(ClientError, match="it has failed, and can only be deleted"):
        endpoints.update(name, endpoints.config(endpoints.model()))


def test_instances_that_die_are_replaced(endpoints, until):
    name = endpoints.create(endpoints.config(endpoints.variant(endpoints.model(), count=2)))
    first = {endpoints.ask(name)["port"] for _ in range(40)}
    assert len(first) == 2
    with pytest.raises(ClientError, match="closed the connection without an answer"):
        endpoints.invoke(name, b"die")
    new = set()
    until(lambda: new.add(port_of(endpoints, name)) or len(new - first - {None}) == 1)
    for _ in range(2):
        until(lambda: port_of(endpoints, name, b"die") is None)
    until(lambda: port_of(endpoints, name) is not None)


def port_of(endpoints, name, body=b""):
    """The port of the instance that answers; None where it dies, or none is there."""
    try:
        return endpoints.ask(name, body)["port"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ServiceUnavailable", "ModelError"):
            return None
        raise


def test_requests_are_split_by_weight_unless_they_name_their_variant(endpoints):
    one, other = endpoints.model("one"), endpoints.model("other")
    name = endpoints.create(
        endpoints.config(
            endpoints.variant(one, "One", InitialVariantWeight=3),
            endpoints.variant(other, "Other", InitialVariantWeight=1),
        )
    )
    drawn = [endpoints.invoke(name, b"echo", ContentType="text/plain")["InvokedProductionVariant"] for _ in range(200)]
    # 200 draws at 3/4: outside of 115..185 is less likely than one in a million (six standard deviations are 37)
    assert 113 <= drawn.count("One") <= 187
    assert endpoints.ask(name, TargetVariant="Other")["files"] == {"weights": "other"}

    endpoints.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[
            {"VariantName": "One", "DesiredWeight": 0},
            {"VariantName": "Other", "DesiredInstanceCount": 2},
        ],
    )
    variants = {each["VariantName"]: each for each in endpoints.settle(name)["ProductionVariants"]}
    assert (variants["One"]["CurrentWeight"], variants["Other"]["CurrentInstanceCount"]) == (0.0, 2)
    assert {endpoints.invoke(name, b"echo", ContentType="a/b")["InvokedProductionVariant"] for _ in range(20)} == {
        "Other"
    }


def test_no_request_fails_while_an_endpoint_is_updated(endpoints):
    name = endpoints.create(endpoints.config(endpoints.model("old")))
    new = endpoints.config(endpoints.model("new"))
    stop, seen, errors = threading.Event(), [], []

    def client():
        while not stop.is_set():
            try:
                seen.append(endpoints.ask(name, b"sleep 0.02")["files"]["weights"])
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        endpoints.update(name, new)
        description = endpoints.settle(name)
        count = len(seen)
        endpoints.until(lambda: len(seen) > count + 16)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert set(seen) == {"old", "new"}
    assert seen[-1] == "new"
    assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", new)


def test_an_update_that_fails_leaves_the_old_one_in_service(endpoints):
    old = endpoints.config(endpoints.model("old"))
    name = endpoints.create(old)
    endpoints.update(name, endpoints.config(endpoints.model(EXIT="1")))
    described = endpoints.settle(name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", old)
    assert "did not pass the ping health check" in described["FailureReason"]
    assert endpoints.ask(name)["files"] == {"weights": "old"}


def test_an_update_that_meets_an_unforeseen_error_leaves_no_process_of_its_own_behind(endpoints, monkeypatch):
    def fetch(definition, connection, folder):
        if "CURSED" in definition["Environment"]:
            raise MemoryError("no room for the lamp")
        fetch_model_data(definition, connection, folder)

    name = endpoints.create(endpoints.config(endpoints.model("old")))
    instances = endpoints.tiny.state / "endpoints" / name
    before = list(instances.glob("i-*"))
    monkeypatch.setattr("pipelines.local.hosting.serving.fetch_model_data", fetch)
    variants = endpoints.variant(endpoints.model(), "Good"), endpoints.variant(endpoints.model(CURSED="1"), "Bad")
    endpoints.update(name, endpoints.config(*variants))
    described = endpoints.settle(name)
    assert described["EndpointStatus"] == "InService"
    assert described["FailureReason"] == "InternalServerError: MemoryError: no room for the lamp"
    assert list(instances.glob("i-*")) == before, "an instance's folder goes when its processes have gone"
    assert endpoints.ask(name)["files"] == {"weights": "old"}


def test_a_full_disk_does_not_keep_an_endpoint_from_coming_into_service(endpoints, monkeypatch):
    def put(store, kind, key, document):
        raise sqlite3.OperationalError("database or disk is full")

    config = endpoints.config(endpoints.model("old"))
    with monkeypatch.context() as patch:
        patch.setattr(Store, "put", put)
        name = endpoints.create(config)
    assert endpoints.ask(name)["files"] == {"weights": "old"}


def test_an_update_may_retain_weights_and_counts(endpoints):
    name = endpoints.create(endpoints.config(endpoints.model("old")))
    endpoints.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredWeight": 5, "DesiredInstanceCount": 2}],
    )
    endpoints.settle(name)
    endpoints.update(
        name,
        endpoints.config(endpoints.model("new")),
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )
    (variant,) = endpoints.settle(name)["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (1.0, 2)
    assert endpoints.ask(name)["files"] == {"weights": "new"}


def test_while_something_is_done_to_an_endpoint_nothing_else_is(endpoints, tmp_path):
    name = endpoints.tiny.name("endpoint")
    config = endpoints.config(endpoints.model(WAIT_FOR=str(tmp_path / "go")))
    endpoints.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    described = endpoints.describe(name)
    assert described["EndpointStatus"] == "Creating"
    for call in (
        lambda: endpoints.update(name, config),
        lambda: endpoints.sagemaker.delete_endpoint(EndpointName=name),
    ):
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
            call()
    with pytest.raises(ClientError, match="not found"):
        endpoints.invoke(name)
    endpoints.until(lambda: "PendingDeploymentSummary" in endpoints.describe(name))
    assert endpoints.describe(name)["PendingDeploymentSummary"]["EndpointConfigName"] == config
    (tmp_path / "go").touch()
    assert endpoints.settle(name)["EndpointStatus"] == "InService"

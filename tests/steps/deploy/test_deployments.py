"""What the deployer makes of packages and decisions, on real endpoints of an embedded SageMaker."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from steps.deploy.endpoint import find_endpoint
from steps.deploy.occasion import PACKAGE


def test_a_pending_package_waits_for_approval_and_nothing_is_made(stage: Any) -> None:
    outcome = stage.tell({PACKAGE: stage.register("one", "PendingManualApproval")})
    assert outcome.State == "waiting"
    assert outcome.Message == f"version 1 of {stage.name} is waiting for approval"
    assert stage.names() == ([], [])


def test_an_approved_package_becomes_an_endpoint_that_answers(stage: Any) -> None:
    package = stage.register("one", "PendingManualApproval")
    assert stage.decide(package, "Approved").State == "deploying"
    assert stage.settled()["EndpointStatus"] == "InService"
    assert stage.answer() == "one"


def test_a_repeated_event_changes_nothing(stage: Any) -> None:
    package = stage.register("one")
    stage.put_live(package)
    before = stage.describe()
    for _ in range(2):
        assert stage.tell({PACKAGE: package}).State == "live"
    assert stage.describe()["LastModifiedTime"] == before["LastModifiedTime"]
    assert stage.names() == ([before["EndpointConfigName"]], [before["EndpointConfigName"]])


def test_events_at_once_make_one_endpoint_and_then_one_update(stage: Any) -> None:
    for number, text in enumerate(("one", "two"), start=1):
        package = stage.register(text)
        barrier = threading.Barrier(4)

        def tell(_: int, package: str = package, barrier: threading.Barrier = barrier) -> str:
            barrier.wait()
            return str(stage.tell({PACKAGE: package}).State)

        with ThreadPoolExecutor(4) as pool:
            states = list(pool.map(tell, range(4)))
        assert states.count("deploying") == 1
        assert set(states) <= {"deploying", "busy", "live"}
        stage.settled()
        assert stage.answer() == text
        assert [len(names) for names in stage.names()] == [number, number]


def test_the_highest_approved_version_answers_in_whatever_order_events_come(stage: Any) -> None:
    first, second = stage.register("one"), stage.register("two")
    stage.put_live(second)
    outcome = stage.tell({PACKAGE: first})
    assert outcome.State == "live"
    assert "version 2" in outcome.Message
    assert stage.answer() == "two"


def test_an_endpoint_in_the_middle_of_an_update_is_left_alone_until_it_rests(make_stage: Callable[..., Any]) -> None:
    stage = make_stage(traffic="canary", minimum_instances=2, bake_seconds=1)
    stage.put_live(stage.register("one"))
    assert stage.tell({PACKAGE: stage.register("two")}).State == "deploying"
    assert stage.tell({PACKAGE: stage.register("three")}).State == "busy"
    stage.settled()
    assert stage.answer() == "two"
    assert stage.rest().State == "deploying"
    stage.settled()
    assert stage.answer() == "three"
    assert stage.rest().State == "live"


def test_a_failed_update_leaves_the_old_version_and_is_repeated_only_when_somebody_asks(stage: Any) -> None:
    stage.put_live(stage.register("one"))
    sick = stage.register("sick")
    assert stage.tell({PACKAGE: sick}).State == "deploying"
    assert stage.settled()["EndpointStatus"] == "InService"
    assert stage.answer() == "one"
    outcome = stage.rest()
    assert outcome.State == "failed"
    assert "version 2 could not be put live" in outcome.Message
    assert "ping health check" in outcome.Message
    assert stage.tell({PACKAGE: sick}).State == "deploying"
    stage.settled()
    assert stage.decide(sick, "Rejected").State == "live"
    assert stage.tell({PACKAGE: stage.register("three")}).State == "deploying"
    stage.settled()
    assert stage.answer() == "three"


def test_an_endpoint_that_could_not_be_created_is_replaced_by_the_next_approval(stage: Any) -> None:
    assert stage.tell({PACKAGE: stage.register("sick")}).State == "deploying"
    assert stage.settled()["EndpointStatus"] == "Failed"
    assert stage.rest().State == "failed"
    stage.put_live(stage.register("two"))
    assert stage.answer() == "two"


def test_rejecting_the_live_version_brings_the_latest_approved_one_back(stage: Any) -> None:
    packages = [stage.register(text) for text in ("one", "two", "three")]
    stage.put_live(packages[2])
    assert stage.decide(packages[1], "Rejected").State == "live"
    assert stage.decide(packages[2], "Rejected").State == "deploying"
    stage.settled()
    assert stage.answer() == "one"


def test_a_version_rejected_while_it_is_being_rolled_out_is_taken_back_afterwards(stage: Any) -> None:
    stage.put_live(stage.register("one"))
    second = stage.register("two")
    assert stage.tell({PACKAGE: second}).State == "deploying"
    assert stage.decide(second, "Rejected").State in ("busy", "deploying")
    stage.settled()
    stage.rest()
    stage.settled()
    assert stage.answer() == "one"


def test_with_no_approved_version_left_the_endpoint_goes_on_and_it_is_said(stage: Any) -> None:
    package = stage.register("one")
    stage.put_live(package)
    outcome = stage.decide(package, "Rejected")
    assert outcome.State == "none"
    assert "no version of" in outcome.Message
    assert f"the endpoint {stage.name} goes on with {stage.name}-v1-" in outcome.Message
    assert stage.answer() == "one"


def test_an_endpoint_that_somebody_removed_comes_back_with_an_approval_only(stage: Any) -> None:
    first, second = stage.register("one"), stage.register("two", "PendingManualApproval")
    assert stage.tell({PACKAGE: second}).State == "waiting"
    assert stage.decide(second, "Rejected").State == "none"
    assert stage.rest().State == "none"
    assert stage.names() == ([], [])
    stage.put_live(first)


def test_an_alarm_during_an_update_rolls_it_back(make_stage: Callable[..., Any]) -> None:
    stage = make_stage(traffic="canary", minimum_instances=2, bake_seconds=60)
    stage.put_live(stage.register("one"))
    cloudwatch = stage.session.client("cloudwatch")
    assert stage.tell({PACKAGE: stage.register("two")}).State == "deploying"
    cloudwatch.set_alarm_state(AlarmName=f"{stage.name}-errors", StateValue="ALARM", StateReason="test")
    assert f"{stage.name}-errors" in stage.settled()["FailureReason"]
    assert {stage.answer() for _ in range(8)} == {"one"}
    assert stage.rest().State == "failed"


def test_other_settings_are_another_configuration_of_the_same_version(make_stage: Callable[..., Any]) -> None:
    stage = make_stage()
    package = stage.register("one")
    stage.put_live(package)
    stage.wishes = type(stage.wishes)(**{**vars(stage.wishes), "capture_percent": 50})
    stage.put_live(package)
    assert stage.describe()["DataCaptureConfig"]["CurrentSamplingPercentage"] == 50
    assert len(stage.names()[1]) == 2


def test_instances_are_scaled_isolated_captured_encrypted_and_tagged(make_stage: Callable[..., Any]) -> None:
    stage = make_stage(capture_percent=10, kms_key="alias/photos", minimum_instances=2, traffic="linear")
    metrics = stage.figures(0.61)
    package = stage.register("one", ModelMetrics=metrics, CustomerMetadataProperties={"training_code": "s3://x/abc"})
    stage.put_live(package)
    assert stage.rest().State == "live"
    name = stage.describe()["EndpointConfigName"]
    model = stage.sagemaker.describe_model(ModelName=name)
    config = stage.sagemaker.describe_endpoint_config(EndpointConfigName=name)
    assert model["EnableNetworkIsolation"] is True
    assert config["KmsKeyId"] == config["DataCaptureConfig"]["KmsKeyId"] == "alias/photos"
    assert config["DataCaptureConfig"]["InitialSamplingPercentage"] == 10
    tags = {"model-package": package, "training_code": "s3://x/abc", "accuracy": "0.6100"}
    assert stage.tags(model["ModelArn"]) == stage.tags(config["EndpointConfigArn"]) == tags
    scaling = stage.session.client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[f"endpoint/{stage.name}/variant/AllTraffic"]
    )["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 3)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=target["ResourceId"])[
        "ScalingPolicies"
    ]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 600.0


def test_a_serverless_endpoint_is_asked_for_nothing_that_it_has_not(make_stage: Callable[..., Any]) -> None:
    stage = make_stage(hosting="serverless")
    stage.put_live(stage.register("one"))
    stage.put_live(stage.register("two"))
    assert stage.answer() == "two"
    assert stage.rest().State == "live"
    config = stage.sagemaker.describe_endpoint_config(EndpointConfigName=stage.describe()["EndpointConfigName"])
    assert config["ProductionVariants"][0]["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    assert "DataCaptureConfig" not in config
    assert not stage.session.client("cloudwatch").describe_alarms(AlarmNamePrefix=stage.name)["MetricAlarms"]


def test_a_package_of_another_group_is_refused_in_words(make_stage: Callable[..., Any]) -> None:
    stage = make_stage(group="another")
    outcome = stage.tell({PACKAGE: stage.register("one")})
    assert outcome.State == "none"
    assert "is not of the group another" in outcome.Message


@pytest.mark.parametrize("status", ["Approved", "Rejected"])
def test_figures_that_cannot_be_read_keep_no_model_from_being_deployed(stage: Any, status: str) -> None:
    place = {"ContentType": "application/json", "S3Uri": "s3://nowhere/evaluation.json"}
    package = stage.register("one", status, ModelMetrics={"ModelQuality": {"Statistics": place}})
    assert stage.tell({PACKAGE: package}).State == ("deploying" if status == "Approved" else "none")


def test_an_endpoint_that_goes_while_it_is_looked_at_is_not_there(stage: Any) -> None:
    stage.put_live(stage.register("two"))

    def go(**_: object) -> None:
        stage.sagemaker.delete_endpoint(EndpointName=stage.name)
        stage.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=stage.name, WaiterConfig={"Delay": 1})

    looking = stage.session.client("sagemaker")
    looking.meta.events.register("before-call.sagemaker.ListTags", go)
    assert find_endpoint(looking, stage.name) is None

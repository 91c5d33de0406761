"""An update moves the requests by the steps of its DeploymentConfig, and back when an alarm goes off."""

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.aws import ApiError
from pipelines.local.hosting.rollout import Rollout
from pipelines.local.hosting.traffic import weighted_choice


@pytest.fixture
def alarm(tiny):
    """Set the state of an alarm; returns its name."""
    client = tiny.session.client("cloudwatch", endpoint_url=tiny.server.url)

    def set_state(state, name="endpoint-errors"):
        client.put_metric_alarm(
            AlarmName=name,
            MetricName="Invocation5XXErrors",
            Namespace="AWS/SageMaker",
            Period=60,
            Statistic="Sum",
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
        return name

    return set_state


def canary(wait_seconds, *alarms, percent=20, termination_seconds=0):
    routing = {
        "Type": "CANARY",
        "WaitIntervalInSeconds": wait_seconds,
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": percent},
    }
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": termination_seconds}
    rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}} if alarms else {}
    return {"BlueGreenUpdatePolicy": policy, **rollback}


def test_a_canary_takes_its_share_and_then_all(endpoints):
    name = endpoints.create(endpoints.config(endpoints.model("old")))
    config = canary(2, percent=50)
    endpoints.update(name, endpoints.config(endpoints.model("new")), DeploymentConfig=config)
    seen = []

    def both():
        seen.append(endpoints.ask(name)["files"]["weights"])
        return "new" in seen and "old" in seen[seen.index("new") :]

    endpoints.until(both)
    described = endpoints.settle(name)
    assert "FailureReason" not in described
    assert described["LastDeploymentConfig"] == config
    assert {endpoints.ask(name)["files"]["weights"] for _ in range(20)} == {"new"}


def test_an_alarm_rolls_an_update_back_without_a_failed_request(endpoints, alarm):
    name = endpoints.create(endpoints.config(endpoints.model("old")))
    config = canary(3600, alarm("OK"), percent=50)
    endpoints.update(name, endpoints.config(endpoints.model("new")), DeploymentConfig=config)
    endpoints.until(lambda: endpoints.ask(name)["files"]["weights"] == "new")
    alarm("ALARM")
    described = endpoints.settle(name)
    assert described["EndpointStatus"] == "InService"
    assert described["FailureReason"] == "The deployment was rolled back since alarms went off: endpoint-errors."
    assert {endpoints.ask(name)["files"]["weights"] for _ in range(20)} == {"old"}


def test_an_alarm_before_the_old_deployment_is_stopped_still_rolls_back(endpoints, alarm):
    old = endpoints.config(endpoints.model("old"))
    name = endpoints.create(old)
    config = canary(0, alarm("OK"), termination_seconds=3600)
    endpoints.update(name, endpoints.config(endpoints.model("new")), DeploymentConfig=config)
    endpoints.until(lambda: {endpoints.ask(name)["files"]["weights"] for _ in range(20)} == {"new"})
    assert endpoints.describe(name)["EndpointStatus"] == "Updating"
    alarm("ALARM")
    assert endpoints.settle(name)["EndpointConfigName"] == old


def test_steps_that_aws_does_not_accept_are_refused(endpoints):
    name = endpoints.create(endpoints.config(endpoints.model("old")))
    new = endpoints.config(endpoints.model("new"))
    missing = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "LINEAR", "WaitIntervalInSeconds": 0}}}
    for config, words in ((canary(0, percent=60), "AWS accepts 0% to 50%"), (missing, "needs a LinearStepSize")):
        with pytest.raises(ClientError, match=words) as error:
            endpoints.update(name, new, DeploymentConfig=config)
        assert error.value.response["Error"]["Code"] == "ValidationException"


@given(st.integers(1, 100), st.sampled_from(["CAPACITY_PERCENT", "INSTANCE_COUNT"]), st.integers(1, 16))
def test_linear_steps_rise_evenly_to_all_requests_or_are_refused(value, kind, instances):
    routing = {"Type": "LINEAR", "WaitIntervalInSeconds": 1, "LinearStepSize": {"Type": kind, "Value": value}}
    step = value / (100 if kind == "CAPACITY_PERCENT" else instances)
    try:
        rollout = Rollout.of({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}, instances)
    except ApiError:
        assert not 0.1 <= step <= 0.5
    else:
        rises = [b - a for a, b in zip((0.0, *rollout.shares), rollout.shares, strict=False)]
        assert rollout.shares[-1] == 1.0
        assert all(0 < rise <= step * 1.02 for rise in rises)
        assert all(rise == pytest.approx(step) for rise in rises[:-1])


@given(
    st.dictionaries(st.text(), st.floats(0, 1e6), min_size=1),
    st.floats(0, 1, exclude_max=True),
)
def test_a_choice_by_weight_never_takes_what_weighs_nothing(weights, number):
    chosen = weighted_choice(weights, lambda: number)
    if sum(weights.values()) > 0:
        assert weights[chosen] > 0
    else:
        assert chosen is None

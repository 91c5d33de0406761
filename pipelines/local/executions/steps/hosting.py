"""Steps that put models to work: Model, EndpointConfig, Endpoint."""

from __future__ import annotations

from pipelines.local.aws import Json
from pipelines.local.definitions.expressions import resolve
from pipelines.local.executions.turns import StepFailed, StepStopped, Turn, job_name
from pipelines.local.hosting.endpoint import Endpoint
from pipelines.local.shapes import check

_LONGEST_NAME = 63
_POLL_SECONDS = 0.2


def model(turn: Turn) -> None:
    """Create a model, under a name of its own."""
    request = {**resolve(turn.step.arguments, turn.scope), "ModelName": _name(turn)}
    check("CreateModel", request)
    turn.note("CreateModel", request)
    models = turn.services.hosting.models
    turn.run.metadata = {"Model": {"Arn": models.create(request)["ModelArn"]}}
    turn.run.properties = models.describe(request)


def endpoint_config(turn: Turn) -> None:
    """Create an endpoint configuration."""
    request = {"EndpointConfigName": _name(turn), **resolve(turn.step.arguments, turn.scope)}
    check("CreateEndpointConfig", request)
    turn.note("CreateEndpointConfig", request)
    configs = turn.services.hosting.configs
    turn.run.metadata = {"EndpointConfig": {"Arn": configs.create(request)["EndpointConfigArn"]}}
    turn.run.properties = configs.describe(request)


def endpoint(turn: Turn) -> None:
    """Create an endpoint, or update the one of that name, and wait until it is in service."""
    request = resolve(turn.step.arguments, turn.scope)
    check("CreateEndpoint", request)
    hosting = turn.services.hosting
    if hosting.exists(request["EndpointName"]):
        change = {key: value for key, value in request.items() if key != "Tags"}
        turn.note("UpdateEndpoint", change)
        arn = hosting.update(change)["EndpointArn"]
    else:
        turn.note("CreateEndpoint", request)
        arn = hosting.create(request)["EndpointArn"]
    turn.run.metadata = {"Endpoint": {"Arn": arn}}
    found = hosting.find(request["EndpointName"])
    _wait(turn, found)
    turn.run.properties = _in_service(found, request)


def _wait(turn: Turn, found: Endpoint) -> None:
    """Wait until nothing is being done to an endpoint. As on AWS, it goes on where the execution is stopped."""
    while not found.wait(_POLL_SECONDS):
        if turn.execution.stopping:
            raise StepStopped


def _in_service(found: Endpoint, request: Json) -> Json:
    described = found.describe()
    if described["EndpointStatus"] != "InService" or described["EndpointConfigName"] != request["EndpointConfigName"]:
        reason = found.record.failure_reason or f"The endpoint {found.name} is {described['EndpointStatus']}."
        raise StepFailed(f"ClientError: {reason}")
    return described


def _name(turn: Turn) -> str:
    return job_name(f"pipelines-{turn.execution.identity}", turn.step.name, _LONGEST_NAME)

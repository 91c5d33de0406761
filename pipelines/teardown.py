"""Take away what costs money: the endpoint, and all that deployments made for it."""

import re
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from pipelines.endpoints import describe_endpoint
from pipelines.errors import PipelineError
from pipelines.target import Target
from steps.deploy.plan import alarm_names
from steps.deploy.watching import SCALED, scalable

REST_SECONDS = 4 * 3600.0  # SageMaker's limit of one update
POLL_SECONDS = 2.0
AT_REST = {"InService", "Failed", "OutOfService", "UpdateRollbackFailed"}


def teardown(target: Target, name: str, report: Callable[[str], None]) -> None:
    """Remove the endpoint and what was made for it, and tell of each thing removed.

    An endpoint that is being changed is first let come to rest. Model packages, artifacts and the function stay; the
    next approval creates the endpoint again.

    Raises:
        PipelineError: the endpoint does not come to rest, or does not go.
    """
    nothing = True
    for line in chain(_remove_endpoint(target, name, report), _remove_alarms(target, name), _remove_made(target, name)):
        report(f"removed {line}")
        nothing = False
    if nothing:
        report(f"there is no endpoint {name}, and nothing left of it: nothing of it costs money")


def _remove_endpoint(target: Target, name: str, report: Callable[[str], None]) -> Iterator[str]:
    found = describe_endpoint(target, name)
    if found is None:
        return
    if found.status not in AT_REST:
        report(f"the endpoint {name} is {found.status}: waiting until it rests ...")
        _wait(lambda: (now := describe_endpoint(target, name)) is None or now.status in AT_REST, name)
    scaling = target.client("application-autoscaling")
    target_of = {**SCALED, "ResourceId": scalable(name)}
    known = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[target_of["ResourceId"]])
    if known["ScalableTargets"]:
        scaling.deregister_scalable_target(**target_of)
        yield "its autoscaling"
    if describe_endpoint(target, name):
        target.sagemaker.delete_endpoint(EndpointName=name)
        _wait(lambda: describe_endpoint(target, name) is None, name)
    yield f"the endpoint {name} ({', '.join(each.hosting for each in found.variants) or found.status})"


def _remove_alarms(target: Target, name: str) -> Iterator[str]:
    cloudwatch = target.client("cloudwatch")
    found = cloudwatch.describe_alarms(AlarmNames=list(alarm_names(name)))["MetricAlarms"]
    for alarm in found:
        cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"]])
        yield f"the alarm {alarm['AlarmName']}"


def _remove_made(target: Target, name: str) -> Iterator[str]:
    """Endpoint configurations and models that deployments made; others whose names begin likewise stay."""
    made = re.compile(re.escape(name) + r"-v\d+-[0-9a-f]{8}")
    sagemaker: Any = target.sagemaker
    for kind, words, stem in (
        ("endpoint_config", "endpoint configuration", "EndpointConfig"),
        ("model", "model", "Model"),
    ):
        pages = sagemaker.get_paginator(f"list_{kind}s").paginate(NameContains=f"{name}-v")
        names = [each[f"{stem}Name"] for page in pages for each in page[f"{stem}s"]]
        for each in filter(made.fullmatch, names):
            getattr(sagemaker, f"delete_{kind}")(**{f"{stem}Name": each})
            yield f"the {words} {each}"


def _wait(holds: Callable[[], bool], name: str) -> None:
    deadline = time.monotonic() + REST_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise PipelineError(f"the endpoint {name} is still being changed after {REST_SECONDS / 3600:.0f} hours")
        time.sleep(POLL_SECONDS)

"""What runs for one endpoint under one plan: its variants side by side."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pipelines.local.aws import Json
from pipelines.local.hosting.capture import Capture
from pipelines.local.hosting.instance import Site
from pipelines.local.hosting.plan import EndpointPlan
from pipelines.local.hosting.serving import INVOCATION_SECONDS, ModelDataError, ServingError
from pipelines.local.hosting.variant import Variant
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.jobs.logs import LogFile

_log = logging.getLogger(__name__)


class DeploymentError(Exception):
    """The deployment does not come up; the message is the endpoint's FailureReason, in AWS's words."""


class Deployment:
    """The variants of one plan.

    Args:
        plan: what to run.
        sites: where the instances of each variant live.
        capture: keeps what is asked and answered.
    """

    def __init__(self, plan: EndpointPlan, sites: dict[str, Site], capture: Capture) -> None:
        self._plan = plan
        self.capture = capture
        self.variants = {each.name: Variant(each, sites[each.name]) for each in plan.variants}

    @property
    def plan(self) -> EndpointPlan:
        """What it is now, after changes of weights and counts."""
        return replace(self._plan, variants=tuple(variant.plan for variant in self.variants.values()))

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each variant."""
        return {name: variant.plan.weight for name, variant in self.variants.items()}

    def start(self) -> None:
        """Start every missing instance of every variant and wait until all are healthy.

        Raises:
            DeploymentError: one is not; the rest goes on until `close`.
        """
        with ThreadPoolExecutor(len(self.variants)) as pool:
            for started in [pool.submit(_start, variant) for variant in self.variants.values()]:
                started.result()

    def change(self, plan: EndpointPlan) -> None:
        """Take over weights and instance counts; where that fails, they are as they were.

        Raises:
            DeploymentError: an added instance does not become healthy.
        """
        before = self.plan
        for wanted in plan.variants:
            self.variants[wanted.name].aim(count=wanted.count)
        try:
            self.start()
        except DeploymentError:
            for earlier in before.variants:
                self.variants[earlier.name].aim(count=earlier.count)
            raise
        for wanted in plan.variants:
            self.variants[wanted.name].aim(weight=wanted.weight)

    def describe(self) -> list[Json]:
        """The ProductionVariants of DescribeEndpoint."""
        return [_describe(variant) for variant in self.variants.values()]

    def tend(self) -> None:
        """Replace what has died and store what was captured; call it now and then."""
        for variant in self.variants.values():
            variant.tend()
        self.capture.tend()

    def close(self, drain_seconds: float = INVOCATION_SECONDS) -> None:
        """Take no more requests, wait for the answers to those in work, stop everything."""
        with ThreadPoolExecutor(len(self.variants)) as pool:
            for closed in [pool.submit(variant.close, drain_seconds) for variant in self.variants.values()]:
                closed.result()
        self.capture.flush()


def deployment_of(
    plan: EndpointPlan, endpoint: str, folder: Path, log: LogFile, surroundings: Surroundings
) -> Deployment:
    """A deployment of an endpoint, its instances in `folder`; nothing of it runs yet."""
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    sites = {each.name: Site(surroundings, folder, log, group, each.name) for each in plan.variants}
    return Deployment(plan, sites, Capture(plan.capture, endpoint, surroundings.connection))


def _start(variant: Variant) -> None:
    try:
        variant.grow()
    except ServingError as error:
        raise DeploymentError(_not_healthy(variant, error)) from error
    except Exception as error:  # what nobody foresaw must not keep the rest from being stopped either
        _log.exception("Production variant %s met an error of the server", variant.plan.name)
        raise DeploymentError(f"InternalServerError: {type(error).__name__}: {error}") from error


def _not_healthy(variant: Variant, error: ServingError) -> str:
    """AWS's words, then what is known here beside them."""
    if isinstance(error, ModelDataError):
        return f"Failed to download model data for production variant {variant.plan.name}. {error}"
    return (
        f"The primary container for production variant {variant.plan.name} did not pass the ping health check. "
        f"Please check CloudWatch logs for this endpoint. {error}"
    )


def _describe(variant: Variant) -> Json:
    plan = variant.plan
    line: Json = {
        "VariantName": plan.name,
        "DeployedImages": [
            {"SpecifiedImage": container["Image"], "ResolvedImage": container["Image"]} for container in plan.containers
        ],
        "CurrentWeight": plan.weight,
        "DesiredWeight": plan.weight,
    }
    serverless = plan.request.get("ServerlessConfig")
    if serverless is not None:
        return {**line, "CurrentServerlessConfig": serverless}
    return {**line, "CurrentInstanceCount": variant.count, "DesiredInstanceCount": plan.count}

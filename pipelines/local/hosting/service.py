"""The endpoints of one server: the calls of AWS's API about them, and what keeps them alive."""

from __future__ import annotations

import logging
import re
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from pipelines.local.announcements import Announcement, Announcements
from pipelines.local.aws import Action, Json, arn, invalid, page, select
from pipelines.local.hosting.configs import EndpointConfigs
from pipelines.local.hosting.endpoint import Endpoint
from pipelines.local.hosting.models import Models
from pipelines.local.hosting.plan import EndpointPlan
from pipelines.local.hosting.record import EndpointRecord
from pipelines.local.hosting.rollout import Rollout
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.store import Store

_KIND = "endpoint"  # of its documents in the store
_TEND_SECONDS = 0.25

_log = logging.getLogger(__name__)


class Hosting:
    """Models, endpoint configurations and endpoints.

    Args:
        surroundings: each endpoint has a folder in its folder.
        store: what survives a restart.
        announcements: is told of every change of state.
    """

    def __init__(self, surroundings: Surroundings, store: Store, announcements: Announcements) -> None:
        self._surroundings = replace(surroundings, running=self._running)
        self._others = surroundings.running
        self._store = store
        self._announcements = announcements
        self.models = Models(surroundings.connection, store, announcements)
        self.configs = EndpointConfigs(self.models, store, announcements)
        self._endpoints: dict[str, Endpoint] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="endpoints", daemon=True)

    def actions(self) -> dict[str, Action]:
        """The calls that this answers, by name."""
        return {
            **self.models.actions(),
            **self.configs.actions(),
            "CreateEndpoint": self.create,
            "DescribeEndpoint": lambda request: self.find(request["EndpointName"]).describe(),
            "UpdateEndpoint": self.update,
            "UpdateEndpointWeightsAndCapacities": self._change,
            "DeleteEndpoint": self._delete,
            "ListEndpoints": self._list,
        }

    def tags(self) -> dict[str, list[Json]]:
        """The tags with which everything here was created, by its ARN."""
        endpoints = {each.arn: each.record.tags for each in self._all()}
        return {**self.models.tags(), **self.configs.tags(), **endpoints}

    def resume(self) -> None:
        """Start the endpoints of an earlier server again; call it once S3 answers."""
        for document in self._store.all(_KIND):
            record = EndpointRecord.from_json(document)
            if record.status == "Deleting":
                self._forget(record.name)
                continue
            endpoint = Endpoint(record, self._surroundings, self._changed)
            with self._lock:
                self._endpoints[endpoint.name] = endpoint
            if record.status != "Failed":
                endpoint.create()
        self._keeper.start()

    def find(self, name: str) -> Endpoint:
        """The endpoint of this name.

        Raises:
            ApiError: there is none.
        """
        with self._lock:
            if name not in self._endpoints:
                raise invalid(f'Could not find endpoint "{_arn(name)}".')
            return self._endpoints[name]

    def exists(self, name: str) -> bool:
        """Whether there is an endpoint of this name."""
        with self._lock:
            return name in self._endpoints

    def create(self, request: Json) -> Json:
        """The answer of CreateEndpoint.

        Raises:
            ApiError: the name is taken, or the configuration does not exist or cannot be run here.
        """
        name = request["EndpointName"]
        plan = self._plan(request)
        Rollout.of(request.get("DeploymentConfig", {}), _instances(plan))
        with self._lock:
            if self._closing.is_set():
                raise invalid("The server is stopping and starts no more endpoints.")
            if name in self._endpoints:
                # The SageMaker SDK looks for these very words.
                raise invalid(f'Cannot create already existing endpoint "{_arn(name)}".')
            endpoint = Endpoint(EndpointRecord.new(request, plan), self._surroundings, self._changed)
            self._endpoints[name] = endpoint
        endpoint.create()
        return {"EndpointArn": endpoint.arn}

    def update(self, request: Json) -> Json:
        """The answer of UpdateEndpoint.

        Raises:
            ApiError: the endpoint or the configuration does not exist, or the endpoint is not in service.
        """
        endpoint = self.find(request["EndpointName"])
        plan = self._plan(request)
        if request.get("RetainAllVariantProperties", False):
            plan = plan.retaining(endpoint.record.plan, request.get("ExcludeRetainedVariantProperties", []))
        config = request.get("DeploymentConfig", {})
        if request.get("RetainDeploymentConfig", False):
            if config:
                raise invalid("Give either DeploymentConfig or RetainDeploymentConfig, not both.")
            config = endpoint.record.deployment_config
        endpoint.update(plan, Rollout.of(config, _instances(plan)), config)
        return {"EndpointArn": endpoint.arn}

    def close(self) -> None:
        """Stop every endpoint and wait until its processes are gone; a later server starts them again."""
        with self._lock:
            self._closing.set()
            endpoints = list(self._endpoints.values())
        if endpoints:
            with ThreadPoolExecutor(len(endpoints)) as pool:
                list(pool.map(Endpoint.close, endpoints))
        if self._keeper.is_alive():
            self._keeper.join()

    def _change(self, request: Json) -> Json:
        endpoint = self.find(request["EndpointName"])
        endpoint.change(endpoint.record.plan.changed(request["DesiredWeightsAndCapacities"]))
        return {"EndpointArn": endpoint.arn}

    def _delete(self, request: Json) -> Json:
        self.find(request["EndpointName"]).delete()
        return {}

    def _list(self, request: Json) -> Json:
        lines = [endpoint.summary() for endpoint in self._all()]
        return page(select(lines, request, name="EndpointName", status="EndpointStatus"), request, "Endpoints")

    def _plan(self, request: Json) -> EndpointPlan:
        return EndpointPlan.of(self.configs.request(request["EndpointConfigName"]), self.models.containers)

    def _all(self) -> list[Endpoint]:
        with self._lock:
            return list(self._endpoints.values())

    def _running(self) -> int:
        """How many processes share the cores."""
        return self._others() + sum(_instances(endpoint.record.plan) for endpoint in self._all())

    def _changed(self, endpoint: Endpoint) -> None:
        if endpoint.record.status == "Deleted":
            self._forget(endpoint.name)
            with self._lock:
                del self._endpoints[endpoint.name]
            return
        try:
            self._store.put(_KIND, endpoint.name, endpoint.record.to_json())
        except sqlite3.Error:  # a full disk must not keep an update from ending, nor its processes from being stopped
            _log.exception("The state of the endpoint %s could not be written", endpoint.name)
        self._announcements.announce(Announcement("SageMaker Endpoint State Change", endpoint.arn, _detail(endpoint)))

    def _forget(self, name: str) -> None:
        """Remove what is left of an endpoint."""
        self._store.remove(_KIND, name)
        shutil.rmtree(self._surroundings.folder / name, ignore_errors=True)

    def _keep(self) -> None:
        """Look after the endpoints until the server stops."""
        while not self._closing.wait(_TEND_SECONDS):
            for endpoint in self._all():
                try:
                    endpoint.tend()
                except Exception:
                    _log.exception("The endpoint %s could not be looked after", endpoint.name)


def _arn(name: str) -> str:
    return arn(f"endpoint/{name}")


def _instances(plan: EndpointPlan) -> int:
    return sum(variant.count for variant in plan.variants)


def _detail(endpoint: Endpoint) -> Json:
    """The detail of an event: status in capitals, unlike in the API."""
    described = endpoint.describe()
    return {
        **described,
        "EndpointStatus": re.sub(r"(?<=[a-z])(?=[A-Z])", "_", described["EndpointStatus"]).upper(),
        "Tags": {tag["Key"]: tag["Value"] for tag in endpoint.record.tags},
    }

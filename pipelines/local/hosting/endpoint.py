"""An endpoint: deployments of serving processes, and the requests that go to them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from pipelines.local.aws import Json, arn, invalid, now
from pipelines.local.hosting.deployment import Deployment, DeploymentError, deployment_of
from pipelines.local.hosting.instance import sweep
from pipelines.local.hosting.plan import EndpointPlan
from pipelines.local.hosting.record import SETTLED, EndpointRecord
from pipelines.local.hosting.rollout import Interrupted, RollBackError, Rollout, Watch
from pipelines.local.hosting.serving import Answer
from pipelines.local.hosting.traffic import Traffic
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.jobs.logs import LogFile

_CLOSE_SECONDS = 20.0  # for a download of model data to end when the server stops
_INTERRUPTED = "The server ended during an update; the endpoint is as it was before."

_log = logging.getLogger(__name__)


class Endpoint:
    """One endpoint. What takes time happens in a thread of its own, one thing after the other.

    Args:
        record: what is kept of it; it is replaced as a whole, since other threads read it.
        surroundings: what it shares with everything else that runs.
        changed: is told after each change of its status.
    """

    def __init__(self, record: EndpointRecord, surroundings: Surroundings, changed: Callable[[Endpoint], None]) -> None:
        self.record = record
        self.name = record.name
        self.arn = arn(f"endpoint/{self.name}")
        self._surroundings = surroundings
        self._changed = changed
        self._folder = surroundings.folder / self.name
        sweep(self._folder)
        self._log = LogFile(self._folder / "log")
        self._traffic = Traffic()
        self._deployments: list[Deployment] = []
        self._pending: tuple[EndpointPlan, float] | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._turn = threading.Lock()  # held while something is being done
        self._telling = threading.RLock()  # held while a change is told, so that the next one is told after it
        self._settled = threading.Event()

    def create(self) -> None:
        """Start everything, also after a restart of the server; it returns at once."""
        interrupted = self.record.status in ("Updating", "RollingBack")
        self._enter("Creating", _INTERRUPTED if interrupted else None)
        self._run(self._bring_up)

    def update(self, plan: EndpointPlan, rollout: Rollout, config: Json) -> None:
        """Move to another plan without a failed request; it returns at once.

        Args:
            plan: the new one.
            rollout: how the requests move.
            config: the DeploymentConfig that `rollout` was made of.

        Raises:
            ApiError: the endpoint is not in service.
        """
        self._begin("Updating")
        self._run(lambda: self._roll_out(plan, rollout, config))

    def change(self, plan: EndpointPlan) -> None:
        """Take over weights and instance counts; it returns at once.

        Raises:
            ApiError: the endpoint is not in service.
        """
        self._begin("Updating")
        self._run(lambda: self._rescale(plan))

    def delete(self) -> None:
        """Stop everything; it returns at once.

        Raises:
            ApiError: something else is being done to the endpoint.
        """
        self._begin("Deleting")
        self._run(self._take_down)

    def send(self, body: bytes, headers: Mapping[str, str], target: str | None) -> tuple[str, Answer]:
        """Have a request answered, as `Traffic.send` does."""
        return self._traffic.send(body, headers, target)

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until nothing is being done to it; False where the time ran out first."""
        return self._settled.wait(timeout_seconds)

    def tend(self) -> None:
        """Replace what has died and store what was captured; call it now and then."""
        for deployment in self._traffic.deployments:
            deployment.tend()

    def close(self) -> None:
        """Stop everything since the server stops; a later one starts it again."""
        with self._lock:
            self._closing.set()
        self._traffic.end()
        for deployment in list(self._deployments):
            deployment.close(drain_seconds=0)
        if self._turn.acquire(timeout=_CLOSE_SECONDS):
            self._turn.release()
        self._log.close()
        self._settled.set()

    def describe(self) -> Json:
        """The answer of DescribeEndpoint."""
        record = self.record
        answer = {**self.summary(), "EndpointConfigName": record.plan.config_name}
        live = self._traffic.deployments
        if live:
            answer["ProductionVariants"] = live[-1].describe()
            answer["DataCaptureConfig"] = live[-1].capture.summary()
        pending = self._pending
        answer["PendingDeploymentSummary"] = None if pending is None else pending[0].pending_summary(pending[1])
        answer["LastDeploymentConfig"] = record.deployment_config or None
        answer["FailureReason"] = record.failure_reason
        return {field: value for field, value in answer.items() if value is not None}

    def summary(self) -> Json:
        """Its line in ListEndpoints."""
        record = self.record
        return {
            "EndpointName": self.name,
            "EndpointArn": self.arn,
            "EndpointStatus": record.status,
            "CreationTime": record.created,
            "LastModifiedTime": record.modified,
        }

    def _begin(self, status: str) -> None:
        with self._telling:
            if self.record.status not in SETTLED:
                raise invalid(f'Cannot update in-progress endpoint "{self.arn}".')
            if self.record.status == "Failed" and status != "Deleting":
                raise invalid(f'Cannot update the endpoint "{self.arn}": it has failed, and can only be deleted.')
            self._enter(status)

    def _enter(self, status: str, reason: str | None = None) -> None:
        """Note a change, and tell of it."""
        with self._telling:
            self._settled.clear()
            self.record = self.record.entering(status, reason)
            _log.info("%s", " ".join([f"endpoint {self.name}", status, *(self.record.failure_reason or "").split()]))
            self._changed(self)
            if status in SETTLED:
                self._settled.set()

    def _run(self, work: Callable[[], None]) -> None:
        threading.Thread(target=self._see_through, args=(work,), name=f"endpoint-{self.name}", daemon=True).start()

    def _see_through(self, work: Callable[[], None]) -> None:
        with self._turn:
            try:
                work()
            except Interrupted:
                _log.debug("%s is closed", self.name)
            except Exception as error:
                _log.exception("The endpoint %s met an error of the server", self.name)
                if not self._closing.is_set():
                    status = "InService" if self._traffic.deployments else "Failed"
                    self._enter(status, f"InternalServerError: {type(error).__name__}: {error}")

    def _bring_up(self) -> None:
        deployment = self._deploy(self.record.plan)
        try:
            self._attempt(deployment.start)
        except DeploymentError as error:
            self._retire(deployment)
            self._enter("Failed", str(error))
        else:
            self._traffic.shift((1.0, deployment))
            self._enter("InService", self.record.failure_reason)

    def _roll_out(self, plan: EndpointPlan, rollout: Rollout, config: Json) -> None:
        watch = Watch(rollout, self._surroundings.connection, self._closing)
        (blue,) = self._traffic.deployments
        green = self._deploy(plan)
        try:
            watch.bake(0)  # an alarm that rings already ends the update before it begins
            self._attempt(green.start)
            for share in rollout.shares:
                self._traffic.shift((share, green), (1 - share, blue))
                watch.bake(rollout.interval_seconds)
            watch.bake(rollout.termination_seconds)
        except (DeploymentError, RollBackError) as error:
            self._enter("RollingBack", str(error))
            self._traffic.shift((1.0, blue))
            self._retire(green)
            self._enter("InService", str(error))
        else:
            self._traffic.shift((1.0, green))
            self._retire(blue)
            self.record = replace(self.record, plan=plan, deployment_config=config)
            self._enter("InService")

    def _rescale(self, plan: EndpointPlan) -> None:
        (deployment,) = self._traffic.deployments
        try:
            self._attempt(lambda: deployment.change(plan))
        except DeploymentError as error:
            self._enter("InService", str(error))
        else:
            self.record = replace(self.record, plan=plan)
            self._enter("InService")

    def _take_down(self) -> None:
        self._traffic.end()
        for deployment in list(self._deployments):
            self._retire(deployment)
        self._log.close()
        self._enter("Deleted")

    def _deploy(self, plan: EndpointPlan) -> Deployment:
        deployment = deployment_of(plan, self.name, self._folder, self._log, self._surroundings)
        with self._lock:
            if self._closing.is_set():
                raise Interrupted
            self._deployments.append(deployment)
        self._pending = (plan, now())
        return deployment

    def _attempt(self, work: Callable[[], None]) -> None:
        """Bring up what should run; where that fails since the endpoint is closed, nobody is told."""
        try:
            work()
        except DeploymentError:
            if self._closing.is_set():
                raise Interrupted from None
            raise
        finally:
            self._pending = None

    def _retire(self, deployment: Deployment) -> None:
        deployment.close()
        self._deployments.remove(deployment)

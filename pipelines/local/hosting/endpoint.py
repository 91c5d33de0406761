"""An endpoint: deployments of serving processes, and the requests that go to them."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines.local.aws import Json, arn, invalid, now, shorten
from pipelines.local.hosting.capture import Capture
from pipelines.local.hosting.deployment import Deployment, DeploymentError
from pipelines.local.hosting.instance import Site
from pipelines.local.hosting.plan import EndpointPlan
from pipelines.local.hosting.rollout import Interrupted, RollBackError, Rollout, Watch
from pipelines.local.hosting.serving import Answer
from pipelines.local.hosting.traffic import Traffic
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.jobs.logs import LogFile

_LONGEST_REASON = 1024  # characters, as in AWS's API
_INTERRUPTED = "The server ended during an update; the endpoint is as it was before."

_log = logging.getLogger(__name__)


class Endpoint:
    """One endpoint. What takes time happens in a thread of its own, one thing after the other.

    Args:
        record: what is kept of it in the store: name, plan, status, times.
        surroundings: what it shares with everything else that runs.
        changed: is told after each change of its status.
    """

    def __init__(self, record: Json, surroundings: Surroundings, changed: Callable[[Endpoint], None]) -> None:
        self.record = record
        self.name: str = record["EndpointName"]
        self.arn = arn(f"endpoint/{self.name}")
        self._surroundings = surroundings
        self._changed = changed
        self._folder = surroundings.folder / self.name
        _sweep(self._folder)
        self._log = LogFile(self._folder / "log")
        self._traffic = Traffic()
        self._deployments: list[Deployment] = []
        self._pending: tuple[EndpointPlan, float] | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._turn = threading.Lock()  # held while something is being done
        self._settled = threading.Event()

    @classmethod
    def new(
        cls, request: Json, plan: EndpointPlan, surroundings: Surroundings, changed: Callable[[Endpoint], None]
    ) -> Endpoint:
        """The endpoint that CreateEndpoint asks for; `create` starts it."""
        moment = now()
        record = {
            "EndpointName": request["EndpointName"],
            "Tags": request.get("Tags", []),
            "DeploymentConfig": request.get("DeploymentConfig", {}),
            "Plan": plan.to_json(),
            "Status": "Creating",
            "FailureReason": None,
            "CreationTime": moment,
            "LastModifiedTime": moment,
        }
        return cls(record, surroundings, changed)

    @property
    def status(self) -> str:
        """EndpointStatus; None of AWS's own is `Deleted`, after which there is nothing left of it."""
        status: str = self.record["Status"]
        return status

    @property
    def failure_reason(self) -> str | None:
        """Why it, or its last update, failed."""
        reason: str | None = self.record["FailureReason"]
        return reason

    @property
    def plan(self) -> EndpointPlan:
        """What it runs, or is meant to run once it is created."""
        return EndpointPlan.from_json(self.record["Plan"])

    def create(self) -> None:
        """Start everything, also after a restart of the server; it returns at once."""
        interrupted = self.status in ("Updating", "RollingBack")
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
        self._traffic.shift()
        for deployment in list(self._deployments):
            deployment.close(drain_seconds=0)
        with self._turn:
            self._log.close()
        self._settled.set()

    def describe(self) -> Json:
        """The answer of DescribeEndpoint."""
        answer = {**self.summary(), "EndpointConfigName": self.plan.config_name}
        live = self._traffic.deployments
        if live:
            answer["ProductionVariants"] = live[-1].describe()
            answer["DataCaptureConfig"] = live[-1].capture.summary()
        pending = self._pending
        if pending is not None:
            plan, start = pending
            variants = [{"VariantName": each.name, "DesiredInstanceCount": each.count} for each in plan.variants]
            answer["PendingDeploymentSummary"] = {
                "EndpointConfigName": plan.config_name,
                "ProductionVariants": variants,
                "StartTime": start,
            }
        answer["LastDeploymentConfig"] = self.record["DeploymentConfig"] or None
        answer["FailureReason"] = self.failure_reason
        return {field: value for field, value in answer.items() if value is not None}

    def summary(self) -> Json:
        """Its line in ListEndpoints."""
        return {
            "EndpointName": self.name,
            "EndpointArn": self.arn,
            "EndpointStatus": self.status,
            "CreationTime": self.record["CreationTime"],
            "LastModifiedTime": self.record["LastModifiedTime"],
        }

    def _begin(self, status: str) -> None:
        with self._lock:
            if self.status not in ("InService", "Failed"):
                raise invalid(f'Cannot update in-progress endpoint "{self.arn}".')
            if self.status == "Failed" and status != "Deleting":
                raise invalid(f'Cannot update the endpoint "{self.arn}": it has failed, and can only be deleted.')
            self.record = {**self.record, "Status": status}
        self._enter(status)

    def _enter(self, status: str, reason: str | None = None) -> None:
        """Note a change, and tell of it; the record is replaced as a whole, since other threads read it."""
        shortened = None if reason is None else shorten(reason, _LONGEST_REASON)
        self.record = {**self.record, "Status": status, "FailureReason": shortened, "LastModifiedTime": now()}
        if status in ("InService", "Failed", "Deleted"):
            self._settled.set()
        else:
            self._settled.clear()
        _log.info("%s", " ".join([f"endpoint {self.name}", status, *(shortened or "").split()]))
        self._changed(self)

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
        deployment = self._deploy(self.plan)
        try:
            self._start(deployment)
        except DeploymentError as error:
            self._retire(deployment)
            self._enter("Failed", str(error))
        else:
            self._traffic.shift((1.0, deployment))
            self._enter("InService", self.failure_reason)

    def _roll_out(self, plan: EndpointPlan, rollout: Rollout, config: Json) -> None:
        watch = Watch(rollout, self._surroundings.connection, self._closing)
        (blue,) = self._traffic.deployments
        green = self._deploy(plan)
        try:
            watch.bake(0)  # an alarm that rings already ends the update before it begins
            self._start(green)
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
            self.record = {**self.record, "Plan": plan.to_json(), "DeploymentConfig": config}
            self._enter("InService")

    def _rescale(self, plan: EndpointPlan) -> None:
        (deployment,) = self._traffic.deployments
        try:
            deployment.change(plan)
        except DeploymentError as error:
            self._enter("InService", str(error))
        else:
            self.record = {**self.record, "Plan": plan.to_json()}
            self._enter("InService")

    def _take_down(self) -> None:
        self._traffic.shift()
        for deployment in list(self._deployments):
            self._retire(deployment)
        self._log.close()
        self._enter("Deleted")

    def _deploy(self, plan: EndpointPlan) -> Deployment:
        group = f"/aws/sagemaker/Endpoints/{self.name}"
        sites = {
            each.name: Site(self._surroundings, self._folder, self._log, group, each.name) for each in plan.variants
        }
        deployment = Deployment(plan, sites, Capture(plan.capture, self.name, self._surroundings.connection))
        with self._lock:
            if self._closing.is_set():
                raise Interrupted
            self._deployments.append(deployment)
        self._pending = (plan, now())
        return deployment

    def _start(self, deployment: Deployment) -> None:
        try:
            deployment.start()
        except DeploymentError:
            if self._closing.is_set():
                raise Interrupted from None
            raise
        finally:
            self._pending = None

    def _retire(self, deployment: Deployment) -> None:
        deployment.close()
        self._deployments.remove(deployment)


def _sweep(folder: Path) -> None:
    """Remove what a server that was killed has left of its instances; the log stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)

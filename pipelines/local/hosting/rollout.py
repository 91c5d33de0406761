"""How the requests of an endpoint move from its old deployment to a new one: AWS's deployment guardrails."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.local.aws import Json, invalid
from pipelines.local.connection import Connection

_POLL_SECONDS = 0.5
_LIMIT_SECONDS = 14_400.0  # where a request sets no MaximumExecutionTimeoutInSeconds
_MOST_SHARE = 0.5  # of the capacity in one step, by AWS's rules for canaries, linear steps and batches
_LEAST_LINEAR_SHARE = 0.1
_LEAST_BATCH_SHARE = 0.05


class RollBackError(Exception):
    """The new deployment must give the requests back; the message says why."""


class Interrupted(Exception):  # noqa: N818 - not an error: the server stops
    """The rollout was given up since the endpoint is closed."""


@dataclass(frozen=True)
class Rollout:
    """The steps of an update.

    Attributes:
        shares: of the requests that the new deployment gets, step by step; the last is 1.
        interval_seconds: the wait after each step, in which alarms are watched.
        termination_seconds: a further wait before the old deployment is stopped.
        limit_seconds: for all of it.
        alarms: CloudWatch alarms that end the update.
    """

    shares: tuple[float, ...] = (1.0,)
    interval_seconds: float = 0.0
    termination_seconds: float = 0.0
    limit_seconds: float = _LIMIT_SECONDS
    alarms: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Json, instances: int) -> Rollout:
        """The rollout that a DeploymentConfig asks for.

        Args:
            config: the DeploymentConfig; may be empty.
            instances: of the endpoint, of which an INSTANCE_COUNT is a part.

        Raises:
            ApiError: a step is missing, or of a size that AWS does not accept.
        """
        alarms = tuple(each["AlarmName"] for each in config.get("AutoRollbackConfiguration", {}).get("Alarms", []))
        blue_green: Json = config.get("BlueGreenUpdatePolicy", {})
        rolling: Json = config.get("RollingUpdatePolicy", {})
        if blue_green and rolling:
            raise invalid("Give either BlueGreenUpdatePolicy or RollingUpdatePolicy, not both.")
        routing: Json = blue_green.get("TrafficRoutingConfiguration", {})
        return cls(
            _batches(rolling, instances) if rolling else _shifts(routing, instances),
            (rolling or routing).get("WaitIntervalInSeconds", 0),
            blue_green.get("TerminationWaitInSeconds", 0),
            (rolling or blue_green).get("MaximumExecutionTimeoutInSeconds", _LIMIT_SECONDS),
            alarms,
        )


class Watch:
    """Waits while a rollout bakes, and ends it where it must not go on.

    Args:
        rollout: what is watched; its time limit begins now.
        connection: where the alarms are.
        closing: set when the endpoint is closed.
    """

    def __init__(self, rollout: Rollout, connection: Connection, closing: threading.Event) -> None:
        self._alarms = rollout.alarms
        self._deadline = time.monotonic() + rollout.limit_seconds
        self._connection = connection
        self._closing = closing

    def bake(self, seconds: float) -> None:
        """Wait, and look at the alarms once at least.

        Raises:
            RollBackError: an alarm is in the state ALARM, or the rollout takes longer than it may.
            Interrupted: the endpoint is closed.
        """
        end = time.monotonic() + seconds
        while True:
            self._check()
            left = end - time.monotonic()
            if left <= 0:
                return
            self._closing.wait(min(left, _POLL_SECONDS))

    def _check(self) -> None:
        if self._closing.is_set():
            raise Interrupted
        if time.monotonic() > self._deadline:
            raise RollBackError("The deployment exceeded its MaximumExecutionTimeoutInSeconds and was rolled back.")
        ringing = self._ringing() if self._alarms else []
        if ringing:
            raise RollBackError(f"The deployment was rolled back since alarms went off: {', '.join(ringing)}.")

    def _ringing(self) -> list[str]:
        try:
            found = self._connection.cloudwatch.describe_alarms(AlarmNames=list(self._alarms))
        except (ClientError, BotoCoreError) as error:
            raise RollBackError(f"The deployment was rolled back since its alarms cannot be read: {error}") from error
        # Moto does not filter by StateValue where names are given.
        alarms = [*found["MetricAlarms"], *found.get("CompositeAlarms", [])]
        return [alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM"]


def _shifts(routing: Json, instances: int) -> tuple[float, ...]:
    """The shares of AWS's TrafficRoutingConfiguration; all at once where there is none."""
    kind = routing.get("Type", "ALL_AT_ONCE")
    if kind == "CANARY":
        return (_share(routing, "CanarySize", instances, 0.0), 1.0)
    if kind == "LINEAR":
        return _steps(_share(routing, "LinearStepSize", instances, _LEAST_LINEAR_SHARE))
    return (1.0,)


def _batches(policy: Json, instances: int) -> tuple[float, ...]:
    return _steps(_share(policy, "MaximumBatchSize", instances, _LEAST_BATCH_SHARE))


def _share(config: Json, field: str, instances: int, least: float) -> float:
    if field not in config:
        raise invalid(f"A TrafficRoutingConfiguration of type {config['Type']} needs a {field}.")
    size: Json = config[field]
    value: int = size["Value"]
    share = value / 100 if size["Type"] == "CAPACITY_PERCENT" else value / instances
    if not least <= share <= _MOST_SHARE:
        raise invalid(f"The {field} is {share:.0%} of the capacity; AWS accepts {least:.0%} to {_MOST_SHARE:.0%}.")
    return share


def _steps(share: float) -> tuple[float, ...]:
    """Equal steps up to 1, the last of which may be smaller."""
    count = int(1 / share)
    steps = [step * share for step in range(1, count + 1)]
    rest = 1.0 - steps[-1]
    return (*steps, 1.0) if rest > share / 100 else (*steps[:-1], 1.0)

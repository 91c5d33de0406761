"""Delivers to targets: tries again as the target's retry policy says, then leaves the event in a dead-letter queue."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from uuid import uuid4
from zlib import crc32

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ParamValidationError
from botocore.exceptions import ConnectionError as NoConnectionError

from pipelines.local.aws import Json, now, shorten
from pipelines.local.connection import Connection
from pipelines.local.deadline import Deadline
from pipelines.local.events.targets import UnsupportedTargetError, deliver, queue_url
from pipelines.local.events.worker import Worker
from pipelines.local.store import Store

_KIND = "delivery"  # in the store
_LANES = 4  # targets share as many threads: one that is slow delays those of its lane only
_FIRST_DELAY_SECONDS = 0.5  # before the first repetition, twice as long before each that follows
_LONGEST_DELAY_SECONDS = 60.0
_LONGEST_MESSAGE = 1024  # characters of a dead letter's ERROR_MESSAGE
_DEFAULT_REPETITIONS = 185  # AWS's, as is the age
_DEFAULT_AGE_SECONDS = 86_400.0
_BUSY = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "ResourceConflictException"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """One thing to be delivered to one target.

    Attributes:
        target: as in PutTargets or CreateSchedule.
        payload: a text; `<aws.scheduler.attempt-number>` in that of a schedule becomes 1, 2 and so on.
        source: whose target it is, as a dead letter's attributes: RULE_ARN or SCHEDULE_ARN, and so on.
        letter: the body of the dead letter, should it come to that.
        since: when it was submitted, in epoch seconds.
        name: tells it from others.
    """

    target: Json
    payload: str
    source: dict[str, str]
    letter: str
    since: float = field(default_factory=now)
    name: str = field(default_factory=lambda: str(uuid4()))

    @property
    def arn(self) -> str:
        """The target's ARN."""
        arn: str = self.target["Arn"]
        return arn

    @property
    def most_repetitions(self) -> int:
        """How often it is tried again."""
        given = (self.target.get("RetryPolicy") or {}).get("MaximumRetryAttempts")
        return _DEFAULT_REPETITIONS if given is None else int(given)

    @property
    def longest_age_seconds(self) -> float:
        """How long after its submission it is tried again."""
        given = (self.target.get("RetryPolicy") or {}).get("MaximumEventAgeInSeconds")
        return _DEFAULT_AGE_SECONDS if given is None else float(given)

    @property
    def dead_letters(self) -> str | None:
        """The ARN of the queue for what cannot be delivered."""
        queue: str | None = (self.target.get("DeadLetterConfig") or {}).get("Arn")
        return queue


class Courier:
    """Delivers in the background; deliveries to one target are first tried in the order of their submission.

    Each is made at least once: it is in the store from its submission until it has been made or given up.

    Args:
        connection: the server, which answers for every target.
        store: keeps what is to be delivered.
    """

    def __init__(self, connection: Connection, store: Store) -> None:
        self._connection = connection
        self._store = store
        self._left = store.all(_KIND)
        self._lanes = [Worker(f"courier-{number}") for number in range(1, _LANES + 1)]

    def start(self) -> None:
        """Take up what an earlier server left."""
        for document in self._left:
            self._put(Delivery(**document), 0, 0.0)

    def submit(self, delivery: Delivery) -> None:
        """Have something delivered."""
        self._store.put(_KIND, delivery.name, asdict(delivery))
        self._put(delivery, 0, 0.0)

    def close(self, timeout_seconds: float) -> None:
        """Deliver nothing more; what waits is left to the next server."""
        deadline = Deadline(timeout_seconds)
        for lane in self._lanes:
            lane.close(deadline.remaining_seconds)

    def _put(self, delivery: Delivery, repetition: int, delay: float) -> None:
        lane = self._lanes[crc32(delivery.arn.encode()) % _LANES]
        if not lane.submit(partial(self._try, delivery, repetition), delay):
            level = logging.DEBUG if lane.closed else logging.WARNING  # that a server stops needs no warning
            _log.log(level, "%s is delivered after the next start: no more can wait", delivery.name)

    def _try(self, delivery: Delivery, repetition: int) -> None:
        payload = delivery.payload
        if "SCHEDULE_ARN" in delivery.source:
            payload = payload.replace("<aws.scheduler.attempt-number>", str(repetition + 1))
        try:
            deliver(self._connection, delivery.target, payload)
        except (ClientError, BotoCoreError, UnsupportedTargetError) as error:
            if not self._failed(delivery, repetition, error):
                return
        except Exception as error:
            _log.exception("The delivery to %s met an error of the server", delivery.arn)
            self._failed(delivery, repetition, error)
        self._store.remove(_KIND, delivery.name)

    def _failed(self, delivery: Delivery, repetition: int, error: Exception) -> bool:
        """Plan another attempt, or bury the delivery; whether that is the end of it."""
        delay = min(_FIRST_DELAY_SECONDS * 2**repetition, _LONGEST_DELAY_SECONDS)
        exhausted = None
        if _may_pass(error):
            if repetition >= delivery.most_repetitions:
                exhausted = "MaximumRetryAttempts"
            elif now() + delay - delivery.since > delivery.longest_age_seconds:
                exhausted = "MaximumEventAgeInSeconds"
            else:
                self._put(delivery, repetition + 1, delay)
                return False
        code, message = _explain(error)
        _log.warning("%s got nothing from %s: %s", delivery.arn, next(iter(delivery.source.values())), message)
        if delivery.dead_letters is not None:
            attributes = {
                **delivery.source,
                "TARGET_ARN": delivery.arn,
                "ERROR_CODE": code,
                "ERROR_MESSAGE": message,
                "RETRY_ATTEMPTS": str(repetition),
                **({} if exhausted is None else {"EXHAUSTED_RETRY_CONDITION": exhausted}),
            }
            self._bury(delivery.dead_letters, delivery.letter, attributes)
        return True

    def _bury(self, queue: str, letter: str, attributes: Mapping[str, str]) -> None:
        try:
            self._connection.client("sqs").send_message(
                QueueUrl=queue_url(self._connection, queue),
                MessageBody=letter,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )
        except (ClientError, BotoCoreError, UnsupportedTargetError) as error:
            _log.warning("The dead-letter queue %s cannot be written: %s", queue, error)


def _may_pass(error: Exception) -> bool:
    """Whether trying again may help; AWS leaves it where the target is missing or the request is wrong."""
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        return status >= 500 or error.response["Error"]["Code"] in _BUSY
    return isinstance(error, (HTTPClientError, NoConnectionError))


def _explain(error: Exception) -> tuple[str, str]:
    """A dead letter's ERROR_CODE and ERROR_MESSAGE, in the codes that EventBridge documents."""
    if isinstance(error, ClientError):
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        missing = any(word in code for word in ("NotFound", "NonExistent", "DoesNotExist", "NoSuch"))
        text = f"{code}: {message}"
        return "NO_RESOURCE" if missing else "ERROR_FROM_TARGET", shorten(text, _LONGEST_MESSAGE)
    text = shorten(str(error) or type(error).__name__, _LONGEST_MESSAGE)
    if isinstance(error, (UnsupportedTargetError, ParamValidationError)):
        return "INVALID_PARAMETER", text
    return ("CONNECTION_FAILURE" if isinstance(error, BotoCoreError) else "INTERNAL_ERROR"), text

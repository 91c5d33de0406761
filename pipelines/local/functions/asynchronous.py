"""Events for functions whose callers do not wait: a queue, retries, destinations."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.local.aws import ApiError, Json
from pipelines.local.connection import Connection
from pipelines.local.deadline import Deadline
from pipelines.local.functions.catalog import Function, find
from pipelines.local.functions.invocation import Outcome
from pipelines.local.store import Store

_WORKERS = 4
_MOST_WAITING = 1000
_RETRIES = 2  # Lambda's default
_RETRY_SECONDS = (1.0, 2.0)  # Lambda waits one minute, then two; on one machine nothing is gained by waiting

_KIND = "lambda-event"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Event:
    identity: str
    function: Function
    body: bytes


class AsynchronousInvocations:
    """Runs events in the background, in the order in which they come as far as workers are free.

    An event is kept until its function has succeeded or failed for good; the next server goes on with those that wait.

    Args:
        run: runs a function with an event.
        connection: reaches destinations.
        store: keeps the events.
    """

    def __init__(self, run: Callable[[Function, bytes], Outcome], connection: Connection, store: Store) -> None:
        self._run = run
        self._connection = connection
        self._store = store
        self._events: queue.Queue[_Event | None] = queue.Queue(_MOST_WAITING)
        self._stopping = threading.Event()
        self._workers: list[threading.Thread] = []
        self._lock = threading.Lock()

    def put(self, function: Function, body: bytes) -> None:
        """Take an event.

        Raises:
            ApiError: too many wait already.
        """
        event = _Event(uuid4().hex, function, body)
        document = {"Name": event.identity, "Function": function.name, "Version": function.version}
        self._store.put(_KIND, event.identity, {**document, "Body": body.decode()})
        self._enqueue(event)

    def resume(self) -> None:
        """Take the events that the last server on this store left; call it when the server serves."""
        for document in self._store.all(_KIND):
            try:
                function = find(document["Function"], document["Version"])
                self._enqueue(_Event(document["Name"], function, document["Body"].encode()))
            except ApiError as error:
                self._store.remove(_KIND, document["Name"])
                _log.warning("An event was dropped: %s", error)

    def _enqueue(self, event: _Event) -> None:
        with self._lock:
            if not self._workers:  # most servers never see an event
                self._workers = [
                    threading.Thread(target=self._work, name=f"lambda-event-{number}", daemon=True)
                    for number in range(_WORKERS)
                ]
                for worker in self._workers:
                    worker.start()
        try:
            self._events.put_nowait(event)
        except queue.Full as error:
            self._store.remove(_KIND, event.identity)
            raise ApiError("TooManyRequestsException", f"{_MOST_WAITING} events wait already.") from error

    def stop(self) -> None:
        """Start no more invocations; what waits, and what fails from now on, is kept for the next server."""
        self._stopping.set()

    def close(self, timeout_seconds: float) -> None:
        """Wait, after `stop`, for the invocations that run."""
        for _ in self._workers:
            try:
                self._events.put_nowait(None)
            except queue.Full:
                break  # a worker that takes an event sees that it has to stop
        deadline = Deadline(timeout_seconds)
        for worker in self._workers:
            worker.join(deadline.remaining_seconds)

    def _work(self) -> None:
        while (event := self._events.get()) is not None and not self._stopping.is_set():
            try:
                if self._invoke(event):
                    self._store.remove(_KIND, event.identity)
            except Exception:
                _log.exception("The event for the function %s met an error of the server", event.function.name)

    def _invoke(self, event: _Event) -> bool:
        """Run the function until it succeeds or has failed often enough; False where the server stops before."""
        retries = event.function.asynchronous.get("MaximumRetryAttempts", _RETRIES)
        for attempt in range(1 + retries):
            outcome = self._run(event.function, event.body)
            if not outcome.failed:
                break
            if self._stopping.is_set() or (attempt < retries and self._stopping.wait(_RETRY_SECONDS[attempt])):
                return False
        self._tell(event, outcome, attempt + 1)
        return True

    def _tell(self, event: _Event, outcome: Outcome, attempts: int) -> None:
        """Send the record of an invocation to the destination that is configured for its outcome, if one is."""
        kind = "OnFailure" if outcome.failed else "OnSuccess"
        destination = (event.function.asynchronous.get("DestinationConfig") or {}).get(kind, {}).get("Destination")
        if not destination:
            if outcome.failed:
                text = outcome.payload[:500].decode(errors="replace")
                _log.warning("The function %s failed %d times: %s", event.function.name, attempts, text)
            return
        try:
            self._send(destination, json.dumps(_record(event, outcome, attempts)))
        except (ClientError, BotoCoreError, ValueError) as error:
            _log.warning("The destination %s of %s was not reached: %s", destination, event.function.name, error)

    def _send(self, destination: str, record: str) -> None:
        service, name = destination.split(":")[2], destination.rsplit(":", 1)[-1]
        if service == "sqs":
            sqs = self._connection.client("sqs")
            sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], MessageBody=record)
        elif service == "sns":
            self._connection.client("sns").publish(TopicArn=destination, Message=record)
        elif service == "lambda":
            self._connection.client("lambda").invoke(
                FunctionName=destination, InvocationType="Event", Payload=record.encode()
            )
        else:
            raise ValueError("only SQS queues, SNS topics and functions are destinations here")


def _record(event: _Event, outcome: Outcome, attempts: int) -> Json:
    """The invocation record of Lambda's documentation, "Retaining records of asynchronous invocations"."""
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": outcome.request_id,
            "functionArn": f"{event.function.arn}:{event.function.version}",
            "condition": "RetriesExhausted" if outcome.failed else "Success",
            "approximateInvokeCount": attempts,
        },
        "requestPayload": json.loads(event.body),
        "responseContext": {
            "statusCode": 200,
            "executedVersion": outcome.version,
            **({"functionError": "Unhandled"} if outcome.failed else {}),
        },
        "responsePayload": outcome.answer,
    }

"""Deliveries that fail at first, or always; and the threads that make them."""

import threading
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from pipelines.local.events.courier import Courier, Delivery
from pipelines.local.events.worker import Worker
from pipelines.local.store import Store

TARGET = "arn:aws:sns:us-east-1:123456789012:topic"
DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"
BUSY = ClientError(
    {"Error": {"Code": "InternalError", "Message": "busy"}, "ResponseMetadata": {"HTTPStatusCode": 500}}, ""
)
THROTTLED = ClientError(
    {"Error": {"Code": "Throttling", "Message": "slow"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, ""
)
AWAY = EndpointConnectionError(endpoint_url="http://nowhere")


class Server:
    """Stands in for the server: its topics fail as they are told to, its queues keep what is sent."""

    url = "http://server"

    def __init__(self, *failures):
        self.failures = list(failures)
        self.published, self.buried = [], []

    def client(self, service):
        return {"sns": SimpleNamespace(publish=self._publish), "sqs": SimpleNamespace(send_message=self._bury)}[service]

    def _publish(self, TopicArn, Message):  # noqa: N803 - AWS's names
        if self.failures:
            raise self.failures.pop(0)
        self.published.append(Message)

    def _bury(self, QueueUrl, MessageBody, MessageAttributes):  # noqa: N803 - AWS's names
        attributes = {name: value["StringValue"] for name, value in MessageAttributes.items()}
        self.buried.append((QueueUrl, MessageBody, attributes))


@pytest.fixture
def courier(tmp_path):
    """Make couriers of servers; each stops before the next begins on what it left."""
    made = []

    def make(server):
        stop()
        store = Store(tmp_path / "state.sqlite")
        made.append((Courier(server, store), store))
        return made[-1][0]

    def stop():
        for each, store in made:
            each.close(10)
            store.close()
        made.clear()

    yield make
    stop()


def delivery(source="RULE_ARN", **policy):
    target = {"Arn": TARGET, "DeadLetterConfig": {"Arn": DEAD}, "RetryPolicy": policy}
    return Delivery(target, "attempt <aws.scheduler.attempt-number>", {source: "arn:source"}, "letter")


@pytest.mark.parametrize("failure", [BUSY, THROTTLED, AWAY])
def test_a_failure_that_may_pass_is_tried_again(courier, until, failure):
    server = Server(failure)
    courier(server).submit(delivery("SCHEDULE_ARN"))
    until(lambda: server.published)
    assert server.published == ["attempt 2"]
    assert server.buried == []


@pytest.mark.parametrize(
    ("policy", "exhausted"),
    [
        ({"MaximumRetryAttempts": 1}, "MaximumRetryAttempts"),
        ({"MaximumEventAgeInSeconds": 1}, "MaximumEventAgeInSeconds"),
    ],
)
def test_the_retry_policy_ends_the_attempts(courier, until, policy, exhausted):
    server = Server(*[BUSY] * 10)
    courier(server).submit(delivery(**policy))
    until(lambda: server.buried)
    ((queue, letter, attributes),) = server.buried
    assert (queue, letter) == ("http://server/123456789012/dead", "letter")
    assert attributes == {
        "RULE_ARN": "arn:source",
        "TARGET_ARN": TARGET,
        "ERROR_CODE": "ERROR_FROM_TARGET",
        "ERROR_MESSAGE": "InternalError: busy",
        "RETRY_ATTEMPTS": "1",
        "EXHAUSTED_RETRY_CONDITION": exhausted,
    }


def test_an_error_of_the_server_is_not_met_again_and_again(courier, until):
    server = Server(KeyError("surprise"))
    courier(server).submit(delivery())
    until(lambda: server.buried)
    assert server.buried[0][2]["ERROR_CODE"] == "INTERNAL_ERROR"
    assert server.published == []


def test_what_waits_when_the_server_stops_is_delivered_after_the_next_start_and_forgotten(courier, until, tmp_path):
    busy, free = Server(BUSY), Server()
    one = courier(busy)
    one.submit(delivery())
    until(lambda: not busy.failures)
    one.close(10)
    one.submit(delivery())
    assert busy.published == busy.buried == []
    courier(free).start()
    until(lambda: len(free.published) == 2)
    store = Store(tmp_path / "state.sqlite")
    until(lambda: store.all("delivery") == [])
    store.close()


def test_a_worker_keeps_the_order_and_survives_a_task_that_fails(until):
    worker, done = Worker("test"), []

    def fail():
        raise ValueError("no")

    worker.submit(lambda: done.append("late"), 0.3)
    worker.submit(fail)
    for number in range(100):
        worker.submit(lambda number=number: done.append(number))
    until(lambda: len(done) == 101)
    worker.close(10)
    assert done == [*range(100), "late"]


def test_a_worker_takes_only_so_many_tasks_and_none_once_closed():
    worker, held, release = Worker("test"), threading.Event(), threading.Event()
    worker.submit(lambda: (held.set(), release.wait(60)))
    assert held.wait(60)
    taken = 0
    while worker.submit(lambda: None):
        taken += 1
    assert taken == 10_000
    closing = threading.Thread(target=worker.close, args=(60,))
    closing.start()
    release.set()
    closing.join(60)
    assert not closing.is_alive()
    assert not worker.submit(lambda: None)


def test_a_delivery_that_comes_while_the_server_stops_is_kept_without_a_warning(courier, tmp_path, caplog):
    closed = courier(Server())
    closed.close(10)
    closed.submit(Delivery({"Arn": "arn:aws:sqs:us-east-1:1:q"}, "late", {}, "{}"))
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    store = Store(tmp_path / "state.sqlite")
    assert [document["payload"] for document in store.all("delivery")] == ["late"]
    store.close()

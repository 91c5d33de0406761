"""Rules, schedules and queues of the server that the tests share."""

import json

import boto3
import pytest

KEYS = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}


class Desk:
    """Clients of EventBridge, its scheduler and SQS, and the few calls that every test needs."""

    role = "arn:aws:iam::123456789012:role/events"

    def __init__(self, tiny, until):
        self.tiny, self.until = tiny, until
        self.clock = tiny.server.clock
        for service in ("events", "scheduler", "sqs", "sns", "logs"):
            setattr(self, service, boto3.client(service, endpoint_url=tiny.server.url, **KEYS))

    def queue(self, **attributes):
        """Make a queue; returns its URL and ARN."""
        name = self.tiny.name("queue") + (".fifo" if "FifoQueue" in attributes else "")
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:us-east-1:123456789012:{name}"

    def rule(self, pattern, *targets, bus="default", **more):
        """Make a rule with targets; returns its name."""
        name = self.tiny.name("rule")
        given = {"EventPattern": json.dumps(pattern)} if pattern else {}
        self.events.put_rule(Name=name, EventBusName=bus, **given, **more)
        numbered = [{"Id": str(number), **target} for number, target in enumerate(targets)]
        self.events.put_targets(Rule=name, EventBusName=bus, Targets=numbered)
        return name

    def put(self, source, detail, bus="default", detail_type="Test"):
        entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "EventBusName": bus}
        return self.events.put_events(Entries=[entry])["Entries"][0]

    def schedule(self, expression, target, **more):
        """Make a schedule; returns its name."""
        name = self.tiny.name("schedule")
        given = {"FlexibleTimeWindow": {"Mode": "OFF"}, **more}
        self.scheduler.create_schedule(
            Name=name, ScheduleExpression=expression, Target={"RoleArn": self.role, **target}, **given
        )
        return name

    def messages(self, url, count=1):
        """Wait until a queue has had `count` messages, and take them off; returns them as they came."""
        found = []

        def arrived():
            found.extend(
                self.sqs.receive_message(
                    QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
                ).get("Messages", [])
            )
            return len(found) >= count

        self.until(arrived)
        for message in found:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        assert len(found) == count
        return found

    def texts(self, url, count=1):
        return [message["Body"] for message in self.messages(url, count)]

    def is_empty(self, url):
        return not self.sqs.receive_message(QueueUrl=url).get("Messages")

    def settle(self):
        """Wait until everything put before has been delivered: targets of one kind are served in order."""
        url, arn = self.queue()
        self.rule({"source": ["settle"]}, {"Arn": arn})
        self.put("settle", {})
        self.messages(url)


@pytest.fixture(scope="module")
def desk(tiny, until):
    """A desk at the server."""
    return Desk(tiny, until)

"""Topics and queues."""

from __future__ import annotations

import json
from collections.abc import Collection

from pipelines.local.aws import ACCOUNT, REGION, Json
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.errors import ResourceError
from pipelines.local.stacks.expressions import as_text
from pipelines.local.stacks.kinds import Kind, Made, Wanted, changed

_TOPIC_ATTRIBUTES = ("DisplayName", "FifoTopic", "KmsMasterKeyId", "SignatureVersion", "TracingConfig")
_QUEUE_NOT_ATTRIBUTES = ("QueueName", "Tags")
_QUEUE_ATTRIBUTES = {
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
}


def _check(properties: Json, known: Collection[str]) -> None:
    """Refuse properties that the type does not have; they would be attributes that nobody looks at."""
    unknown = set(properties) - set(known)
    if unknown:
        raise ResourceError(f"#: extraneous key [{min(unknown)}] is not permitted")


def _attributes(properties: Json, names: set[str]) -> dict[str, str]:
    """Properties as attributes, whose values are texts."""
    return {
        name: json.dumps(value) if isinstance(value, dict | list) else as_text(value)
        for name, value in properties.items()
        if name in names
    }


def _create_topic(calls: Calls, wanted: Wanted) -> Made:
    _check(wanted.properties, {*_TOPIC_ATTRIBUTES, "Subscription", "Tags", "TopicName"})
    attributes = _attributes(wanted.properties, {*_TOPIC_ATTRIBUTES})
    answer = calls("sns", "CreateTopic", Name=wanted.name, Attributes=attributes, Tags=wanted.tag_list)
    return Made(answer["TopicArn"], {"TopicArn": answer["TopicArn"], "TopicName": wanted.name})


def _settle_topic(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    topic = made.physical_id
    if before:
        for name in changed(before, wanted.properties):
            if name in _TOPIC_ATTRIBUTES:
                value = _attributes(wanted.properties, {name}).get(name, "")
                calls("sns", "SetTopicAttributes", TopicArn=topic, AttributeName=name, AttributeValue=value)
    if before.get("Subscription", []) != wanted.get("Subscription", []):
        for each in _subscriptions(calls, topic):
            calls.remove("sns", "Unsubscribe", SubscriptionArn=each)
        for each in wanted.get("Subscription", []):
            calls("sns", "Subscribe", TopicArn=topic, Protocol=each["Protocol"], Endpoint=each["Endpoint"])


def _subscriptions(calls: Calls, topic: str) -> list[str]:
    found = calls("sns", "ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"]
    return [each["SubscriptionArn"] for each in found if each["SubscriptionArn"].startswith("arn:")]


def _delete_topic(calls: Calls, made: Made, properties: Json) -> None:
    if properties.get("Subscription"):
        for each in _subscriptions(calls, made.physical_id):
            calls.remove("sns", "Unsubscribe", SubscriptionArn=each)
    calls.remove("sns", "DeleteTopic", TopicArn=made.physical_id)


def _settle_topic_policy(calls: Calls, _made: Made, wanted: Wanted, _before: Json) -> None:
    document = json.dumps(wanted.get("PolicyDocument"))
    for topic in wanted.get("Topics", []):
        calls("sns", "SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=document)


def _create_subscription(calls: Calls, wanted: Wanted) -> Made:
    arn = calls("sns", "Subscribe", **wanted.some("TopicArn", "Protocol", "Endpoint"), ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]
    return Made(arn, {"Arn": arn})


def _create_queue(calls: Calls, wanted: Wanted) -> Made:
    _check(wanted.properties, {*_QUEUE_ATTRIBUTES, *_QUEUE_NOT_ATTRIBUTES})
    attributes = _attributes(wanted.properties, _QUEUE_ATTRIBUTES)
    url = calls("sqs", "CreateQueue", QueueName=wanted.name, Attributes=attributes, tags=dict(wanted.tags))["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{wanted.name}"
    return Made(url, {"Arn": arn, "QueueName": wanted.name, "QueueUrl": url})


def _settle_queue(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    differing = set(changed(before, wanted.properties)) - {*_QUEUE_NOT_ATTRIBUTES}
    if before and differing:
        attributes = {**dict.fromkeys(differing, ""), **_attributes(wanted.properties, differing)}
        calls("sqs", "SetQueueAttributes", QueueUrl=made.physical_id, Attributes=attributes)


def _settle_queue_policy(calls: Calls, _made: Made, wanted: Wanted, _before: Json) -> None:
    document = json.dumps(wanted.get("PolicyDocument"))
    for queue in wanted.get("Queues", []):
        calls("sqs", "SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": document})


def _delete_queue_policy(calls: Calls, _made: Made, properties: Json) -> None:
    for queue in properties.get("Queues", []):
        calls.remove("sqs", "SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": ""})


KINDS = {
    "AWS::SNS::Topic": Kind(
        _create_topic,
        _delete_topic,
        _settle_topic,
        fixed=frozenset({"FifoTopic"}),
        named="TopicName",
        longest_name=256,
    ),
    # The policy of a topic goes with the topic; AWS puts its default in the place of one that is deleted alone.
    "AWS::SNS::TopicPolicy": Kind(lambda _, wanted: Made(wanted.name), lambda *_: None, _settle_topic_policy),
    "AWS::SNS::Subscription": Kind(
        _create_subscription,
        lambda calls, made, _: calls.remove("sns", "Unsubscribe", SubscriptionArn=made.physical_id),
    ),
    "AWS::SQS::Queue": Kind(
        _create_queue,
        lambda calls, made, _: calls.remove("sqs", "DeleteQueue", QueueUrl=made.physical_id),
        _settle_queue,
        fixed=frozenset({"FifoQueue"}),
        named="QueueName",
        longest_name=80,
    ),
    "AWS::SQS::QueuePolicy": Kind(lambda _, wanted: Made(wanted.name), _delete_queue_policy, _settle_queue_policy),
}

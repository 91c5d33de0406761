"""Brings something to a target of a rule or a schedule, by the call that AWS makes for targets of its kind."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from uuid import uuid4

from botocore import xform_name

from pipelines.local.aws import Json
from pipelines.local.connection import Connection

_UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"
# AWS names services in universal targets as its newer SDKs do; boto3 has older names for some.
_BOTO3_NAMES = {"eventbridge": "events", "sfn": "stepfunctions", "cloudwatchlogs": "logs"}

Deliver = Callable[[Connection, Json, str], None]


class UnsupportedTargetError(Exception):
    """Nothing can be delivered to such a target here; the message is for the user."""


def deliver(connection: Connection, target: Json, payload: str) -> None:
    """Bring `payload` to a target.

    Args:
        connection: the server, which answers for every target.
        target: as in PutTargets or CreateSchedule.
        payload: a text, for most targets JSON.

    Raises:
        ClientError: the target refuses it.
        BotoCoreError: the call is not right, or the server does not answer.
        UnsupportedTargetError: no target of its kind is served here.
    """
    arn: str = target["Arn"]
    if "RoleArn" in target:
        connection = connection.in_role(target["RoleArn"])
    if arn.startswith(_UNIVERSAL):
        _call_anything(connection, arn, payload)
        return
    parts = arn.split(":", 5)
    service, resource = (parts[2], parts[5]) if len(parts) == 6 else ("", "")
    for wanted, start, bring in _KINDS:
        if service == wanted and resource.startswith(start):
            bring(connection, target, payload)
            return
    raise UnsupportedTargetError(f"The embedded SageMaker does not deliver to {arn}.")


def queue_url(connection: Connection, arn: str) -> str:
    """Where the server has the queue of this ARN.

    Raises:
        UnsupportedTargetError: it is the ARN of no queue.
    """
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "sqs":
        raise UnsupportedTargetError(f"{arn} is not the ARN of a queue.")
    return f"{connection.url}/{parts[4]}/{parts[5]}"


def _call_anything(connection: Connection, arn: str, payload: str) -> None:
    """`arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution`: any call; the payload is its arguments."""
    service, _, action = arn.removeprefix(_UNIVERSAL).partition(":")
    client = connection.client(_BOTO3_NAMES.get(service, service))
    operation = xform_name(action[:1].upper() + action[1:])
    if operation not in client.meta.method_to_api_mapping:
        raise UnsupportedTargetError(f"The service of the target {arn} has no such action.")
    try:
        arguments = json.loads(payload)
    except ValueError as error:
        raise UnsupportedTargetError(f"The Input of the target {arn} is not JSON: {error}") from error
    if not isinstance(arguments, dict):
        raise UnsupportedTargetError(f"The Input of the target {arn} must be a JSON object: the call's arguments.")
    getattr(client, operation)(**arguments)


def _to_function(connection: Connection, target: Json, payload: str) -> None:
    connection.client("lambda").invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=payload.encode())


def _to_queue(connection: Connection, target: Json, payload: str) -> None:
    group = (target.get("SqsParameters") or {}).get("MessageGroupId")
    connection.client("sqs").send_message(
        QueueUrl=queue_url(connection, target["Arn"]),
        MessageBody=payload,
        **({} if group is None else {"MessageGroupId": group}),
    )


def _to_topic(connection: Connection, target: Json, payload: str) -> None:
    connection.client("sns").publish(TopicArn=target["Arn"], Message=payload)


def _to_pipeline(connection: Connection, target: Json, _: str) -> None:
    """Start an execution; as on AWS, with the target's parameters and nothing of the payload."""
    given = (target.get("SageMakerPipelineParameters") or {}).get("PipelineParameterList", [])
    connection.client("sagemaker").start_pipeline_execution(
        PipelineName=target["Arn"].rsplit("/", 1)[-1], PipelineParameters=given
    )


def _to_log_group(connection: Connection, target: Json, payload: str) -> None:
    group, stream = target["Arn"].split("log-group:")[1].split(":")[0], str(uuid4())
    connection.logs.create_log_stream(logGroupName=group, logStreamName=stream)
    entry = {"timestamp": int(time.time() * 1000), "message": payload}
    connection.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[entry])  # type: ignore[list-item]


def _to_bus(connection: Connection, target: Json, payload: str) -> None:
    """What a schedule puts on a bus; what a rule forwards never leaves `bus.py`."""
    given = target.get("EventBridgeParameters")
    if not given:
        raise UnsupportedTargetError(f"The target {target['Arn']} needs EventBridgeParameters.")
    entry = {"EventBusName": target["Arn"], "Detail": payload, **given}
    (result,) = connection.client("events").put_events(Entries=[entry])["Entries"]
    if "ErrorCode" in result:
        raise UnsupportedTargetError(f"{target['Arn']} refuses the event: {result['ErrorMessage']}")


_KINDS: tuple[tuple[str, str, Deliver], ...] = (
    ("lambda", "function:", _to_function),
    ("sqs", "", _to_queue),
    ("sns", "", _to_topic),
    ("sagemaker", "pipeline/", _to_pipeline),
    ("logs", "log-group:", _to_log_group),
    ("events", "event-bus/", _to_bus),
)

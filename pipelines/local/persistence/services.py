"""Tells the effect of a kept call of any service."""

from __future__ import annotations

import re

from pipelines.local.aws import Json
from pipelines.local.persistence.bodies import Body
from pipelines.local.persistence.effects import Effect, Kind
from pipelines.local.persistence.functions import effect_on_functions
from pipelines.local.persistence.objects import effect_on_objects

_SCOPE = re.compile(
    r"(?:Credential=|X-Amz-Credential=)[^&,\s]+?(?:/|%2F)\d{8}(?:/|%2F)([\w-]+)(?:/|%2F)([\w-]+)(?:/|%2F)"
)
# Services that leave objects and functions alone, but for a few calls which look for them.
_APART = frozenset(
    {"apigateway", "budgets", "ecr", "events", "iam", "kms", "logs", "monitoring"}
    | {"sagemaker", "scheduler", "secretsmanager", "sns", "sqs", "ssm", "sts"}
)
_REACHING = ("CreateExportTask", "PutSubscriptionFilter")


def effect(head: Json, body: Body, upload: str = "") -> Effect:
    """The effect of a call.

    Args:
        head: as it was kept.
        body: as it was kept.
        upload: the identifier of the multipart upload which the call began, if it began one.
    """
    if upload:
        return Effect(Kind.PART, upload=upload)
    signature = f"{head.get('HTTP_AUTHORIZATION', '')} {head.get('QUERY_STRING', '')}"
    scope = _SCOPE.search(signature)
    if scope is None:  # an object may be written without a signature, or by a form that holds it
        return Effect(Kind.UNKNOWN)
    region, service = scope.groups()
    if service == "s3":
        return effect_on_objects(head, body)
    if service == "lambda":
        return effect_on_functions(head, body, region)
    reaches = head.get("HTTP_X_AMZ_TARGET", "").endswith(_REACHING)
    return Effect(Kind.OTHER if service in _APART and not reaches else Kind.UNKNOWN)

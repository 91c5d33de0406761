"""Secrets, given or made up."""

from __future__ import annotations

import json

from pipelines.local.aws import Json
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.errors import ResourceError
from pipelines.local.stacks.kinds import Kind, Made, Wanted

_NOT_OF_PASSWORDS = ("GenerateStringKey", "SecretStringTemplate")


def _value(calls: Calls, wanted: Wanted) -> str:
    """The secret's text: the one given, a password, or an object of which a password is a part."""
    generation = wanted.get("GenerateSecretString")
    if generation is None:
        return str(wanted.get("SecretString", ""))
    asked = {name: value for name, value in generation.items() if name not in _NOT_OF_PASSWORDS}
    password: str = calls("secretsmanager", "GetRandomPassword", **asked)["RandomPassword"]
    if "GenerateStringKey" not in generation:
        return password
    try:
        return json.dumps({**json.loads(generation["SecretStringTemplate"]), generation["GenerateStringKey"]: password})
    except ValueError as error:
        raise ResourceError(f"The SecretStringTemplate is not JSON: {error}") from error


def _create(calls: Calls, wanted: Wanted) -> Made:
    arn = calls(
        "secretsmanager",
        "CreateSecret",
        Name=wanted.name,
        SecretString=_value(calls, wanted),
        **wanted.some("Description", "KmsKeyId"),
        Tags=wanted.tag_list,
    )["ARN"]
    return Made(arn, {"Id": arn})


def _settle(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    """Change what differs; a password is made anew only where another kind of one is asked for, as on AWS."""
    ways = ("GenerateSecretString", "SecretString")
    if before and any(before.get(way) != wanted.get(way) for way in ways):
        calls("secretsmanager", "PutSecretValue", SecretId=made.physical_id, SecretString=_value(calls, wanted))
    if before and any(before.get(name) != wanted.get(name) for name in ("Description", "KmsKeyId")):
        changed = wanted.some("Description", "KmsKeyId")
        calls("secretsmanager", "UpdateSecret", SecretId=made.physical_id, **changed)


def _delete(calls: Calls, made: Made, _properties: Json) -> None:
    calls.remove("secretsmanager", "DeleteSecret", SecretId=made.physical_id, ForceDeleteWithoutRecovery=True)


KINDS = {
    "AWS::SecretsManager::Secret": Kind(_create, _delete, _settle, named="Name", longest_name=256, named_by_stack=False)
}

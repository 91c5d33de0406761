"""Makes the calls that stand behind resources: to this server, in the form that botocore's models ask for."""

from __future__ import annotations

import json
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from pipelines.local.aws import Json
from pipelines.local.connection import Connection
from pipelines.local.stacks.errors import ResourceError, is_missing


class Calls:
    """Calls to AWS's APIs in the name of whoever changes a stack.

    Args:
        connection: the server, with the credentials of the caller.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, service: str, operation: str, /, **arguments: Any) -> Json:
        """Make a call; an argument that is None is one that is absent.

        Raises:
            ResourceError: an argument is not what the operation takes.
            ClientError: the service refuses it.
        """
        client = self._connection.client(service)
        shape = client.meta.service_model.operation_model(operation).input_shape
        try:
            given = {} if shape is None else fitted(shape, arguments)
            answer: Json = getattr(client, xform_name(operation))(**given)
        except BotoCoreError as error:
            raise ResourceError(str(error)) from error
        return answer

    def in_role(self, role: str | None) -> Calls:
        """The same in the name of the role that a stack was given, if it was given one."""
        return self if role is None else Calls(self._connection.in_role(role))

    def remove(self, service: str, operation: str, /, **arguments: Any) -> None:
        """Make a call that deletes; what is not there any more is deleted well."""
        try:
            self(service, operation, **arguments)
        except ClientError as error:
            if not is_missing(error):
                raise


def fitted(shape: Shape, value: Any, path: str = "") -> Any:
    """A value of a template in the type that an API wants.

    In templates numbers and truth values may be texts, and names begin with a capital letter where some APIs want a
    small one.

    Raises:
        ResourceError: it has a member that the API does not know.
    """
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return _structure(shape, value, path)
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [fitted(shape.member, each, path) for each in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {str(key): fitted(shape.value, inner, f"{path}/{key}") for key, inner in value.items()}
    if shape.type_name in ("integer", "long") and isinstance(value, str | float):
        return _number(value, path)
    if shape.type_name in ("float", "double") and isinstance(value, str):
        return _number(value, path)
    if shape.type_name == "boolean" and isinstance(value, str):
        return value.lower() == "true"
    if shape.type_name == "string" and isinstance(value, bool | int | float):
        return json.dumps(value)
    if shape.type_name == "string" and isinstance(value, dict):  # a policy, an event pattern
        return json.dumps(value)
    return value


def _structure(shape: StructureShape, value: Json, path: str) -> Json:
    members = {name[:1].lower() + name[1:]: name for name in shape.members}
    found: Json = {}
    for name, inner in value.items():
        if inner is None:
            continue
        known = name if name in shape.members else members.get(name[:1].lower() + name[1:])
        if known is None:
            raise ResourceError(f"#{path}: extraneous key [{name}] is not permitted")
        found[known] = fitted(shape.members[known], inner, f"{path}/{name}")
    return found


def _number(value: str | float, path: str) -> int | float:
    try:
        number = float(value)
    except ValueError as error:
        raise ResourceError(f"#{path}: expected type: Number, found: '{value}'") from error
    return int(number) if number.is_integer() else number

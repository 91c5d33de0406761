"""Reads from moto what a function is; clients create and update functions there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.backends import get_backend

from pipelines.local.aws import ACCOUNT, REGION, ApiError, Json

# Name, partial ARN or ARN, each with or without a qualifier, as the reference of Invoke describes them.
_NAME = re.compile(
    r"(?:(?:arn:aws:lambda:(?P<region>[a-z0-9-]+):)?(?P<account>\d{12}):function:)?"
    r"(?P<name>[\w-]{1,64})(?::(?P<qualifier>\$LATEST|[\w-]+))?"
)


@dataclass(frozen=True)
class Function:
    """One version of a function.

    Attributes:
        name: without account and qualifier.
        arn: as moto gives it, with the number of a published version.
        version: `$LATEST` or a number.
        handler: `module.name`.
        environment: its variables.
        timeout_seconds: after which Lambda ends an invocation.
        memory_mb: the MemorySize.
        archive: the ZIP file of its code.
        layers: the ZIP files of its layers, in their order.
        asynchronous: its EventInvokeConfig.
        role: the ARN of its execution role.
    """

    name: str
    arn: str
    version: str
    handler: str
    environment: Mapping[str, str]
    timeout_seconds: float
    memory_mb: int
    archive: bytes
    layers: tuple[bytes, ...]
    asynchronous: Json
    role: str


def find(name_or_arn: str, qualifier: str | None = None) -> Function:
    """The function that a request names.

    Raises:
        ApiError: ResourceNotFoundException, or ValidationException for a name that cannot be one; an
            InvalidRuntimeException where it is not one that can run here.
    """
    match = _NAME.fullmatch(name_or_arn)
    if match is None:
        raise ApiError("ValidationException", f"'{name_or_arn}' is not the name or the ARN of a function.")
    name, asked = match["name"], match["qualifier"] or qualifier
    if (match["region"] or REGION, match["account"] or ACCOUNT) != (REGION, ACCOUNT):
        raise ApiError("ResourceNotFoundException", f"Function not found: {name_or_arn}")
    backend: Any = get_backend("lambda")[ACCOUNT][REGION]
    try:
        found = backend.get_function(name, asked)
    except LambdaClientError as error:
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}{f':{asked}' if asked else ''}"
        raise ApiError("ResourceNotFoundException", f"Function not found: {arn}") from error
    if found.package_type != "Zip" or not re.fullmatch(r"python3(\.\d+)?", found.run_time or ""):
        what = "a container image" if found.package_type != "Zip" else f"the runtime {found.run_time}"
        raise ApiError(
            "InvalidRuntimeException",
            f"The function {name} needs {what}; the embedded SageMaker runs functions of Python runtimes alone.",
        )
    configs = backend.get_function(name).event_invoke_config
    return Function(
        name=name,
        arn=found.function_arn,
        version=str(found.version),
        handler=found.handler,
        environment=dict(found.environment_vars),
        timeout_seconds=float(found.timeout),
        memory_mb=int(found.memory_size),
        archive=found.code_bytes,
        layers=tuple(backend.layers_versions_by_arn(layer["Arn"]).code_bytes for layer in found.layers),
        asynchronous=dict(configs[0].config) if configs else {},
        role=str(found.role),
    )

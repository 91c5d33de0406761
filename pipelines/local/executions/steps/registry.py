"""Steps that work with the model registry: RegisterModel."""

from __future__ import annotations

import json

from botocore.exceptions import ClientError

from pipelines.local.definitions.expressions import resolve
from pipelines.local.executions.turns import Turn
from pipelines.local.shapes import check


def register_model(turn: Turn) -> None:
    """Create a model package, and its group where there is none yet."""
    arguments = resolve(turn.step.arguments, turn.scope)
    check("CreateModelPackage", arguments)
    client = turn.services.connection.in_role(turn.execution.role_arn).sagemaker
    group = arguments.get("ModelPackageGroupName")
    if group is not None:
        name = group.rsplit("/", 1)[-1]
        if not _exists(turn, name):
            client.create_model_package_group(ModelPackageGroupName=name)
        arguments["ModelPackageGroupName"] = name
    package = client.create_model_package(**arguments)["ModelPackageArn"]
    turn.run.metadata = {"RegisterModel": {"Arn": package}}
    described = client.describe_model_package(ModelPackageName=package)
    turn.run.properties = json.loads(json.dumps(described, default=str))


def _exists(turn: Turn, group: str) -> bool:
    try:
        turn.services.connection.sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    except ClientError:
        return False
    return True

"""Put the stack up, or bring it to what template and preset say now; on AWS and on an embedded SageMaker alike."""

import hashlib
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from pipelines.config import Config
from pipelines.errors import PipelineError
from pipelines.stack.code import archive, function_files
from pipelines.stack.existing import bucket_exists, parameters_for_existing, refuse_foreign_role
from pipelines.stack.found import REVIEWED, FoundStack, find_stack, place_in_stack
from pipelines.stack.parameters import check_name, stack_parameters
from pipelines.stack.update import update_stack
from pipelines.target import Target

GONE = {"ROLLBACK_COMPLETE", "DELETE_COMPLETE", REVIEWED}
"""Statuses of a stack that holds nothing."""


def deploy_stack(target: Target, config: Config, console: Console, *, yes: bool = False) -> Config:
    """Create or update the stack of a pipeline, and return the configuration that is placed in it.

    The functions' code lies in the bucket, which the stack makes: a first deployment makes everything else, uploads the
    code, and then makes the functions.

    Args:
        target: where to.
        config: the configuration, as `Config.placed` answers it.
        console: where to tell what changes, and how far it is.
        yes: also carry out what removes or replaces something that is there.

    Raises:
        PipelineError: the stack cannot be made so; the text says what failed first and what is left.
    """
    check_name(config.name)
    cloudformation = target.client("cloudformation")
    found = _ready_to_change(cloudformation, config.name)
    asked = stack_parameters(config, target.account, target.region, target.partition)
    parameters = {**asked, **parameters_for_existing(target, config)}
    if found:
        _refuse_another_place(found, config, parameters)
    else:
        refuse_foreign_role(target, config.name)
    code = archive(function_files())
    key = f"functions/{hashlib.sha256(code).hexdigest()}.zip"
    if not bucket_exists(target, config.bucket):
        if found:  # a pass without functions would remove those that are there
            raise PipelineError(
                f"bucket {config.bucket}, which the stack {config.name} works in, is gone: `make delete-stack`, then "
                "`make deploy-stack` make it anew, empty"
            )
        update_stack(cloudformation, config.name, parameters | {"CodeKey": ""}, console, yes=yes)
        found = find_stack(cloudformation, config.name)
    _upload(target, config.bucket, key, code)
    update_stack(cloudformation, config.name, _kept(found, parameters) | {"CodeKey": key}, console, yes=yes)
    made = find_stack(cloudformation, config.name)
    return place_in_stack(config, made.outputs if made else {})


def _ready_to_change(cloudformation: Any, name: str) -> FoundStack | None:
    """The stack where it can be changed; None where there is none. One that holds nothing is removed."""
    found = find_stack(cloudformation, name)
    if found is None:
        return None
    if found.under_way:
        raise PipelineError(f"stack {name} is being changed ({found.status}): try again when that has ended")
    if found.status in GONE:
        cloudformation.delete_stack(StackName=name)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=found.id)
        return None
    if not found.usable or found.status.endswith("_FAILED"):
        raise PipelineError(
            f"stack {name} is {found.status} and cannot be changed ({found.reason or 'no reason is given'}): remove it "
            "with `make delete-stack`, which keeps the data, and deploy it again"
        )
    return found


def _refuse_another_place(found: FoundStack, config: Config, parameters: Mapping[str, str]) -> None:
    """CloudFormation would make bucket and model group under the new names, and leave what the old ones hold."""
    for parameter, field in (("BucketName", "bucket"), ("ModelGroup", "register.group")):
        before = found.parameters.get(parameter, parameters[parameter])
        if before != parameters[parameter]:
            raise PipelineError(
                f"the preset's field `{field}` says {parameters[parameter]}, but the stack {config.name} was made with "
                f"{before}: say that again, or `make delete-stack` first, which keeps {before}"
            )


def _kept(found: FoundStack | None, parameters: Mapping[str, str]) -> dict[str, str]:
    """`parameters` with what was decided once about a stack that is there, such as that it uses an older bucket."""
    if found is None:
        return dict(parameters)
    before = found.parameters
    once = {name: before[name] for name in ("MakeBucket", "MakeModelGroup", "MakeRepositories") if name in before}
    if parameters["KeyArn"] in ("", found.outputs.get("KeyArn")):
        once["KeyArn"] = before.get("KeyArn", "")
    return {**parameters, **once}


def _upload(target: Target, bucket: str, key: str, code: bytes) -> None:
    """Put the functions' code into the bucket, over whatever somebody may have put there under its name."""
    target.s3.put_object(Bucket=bucket, Key=key, Body=code)

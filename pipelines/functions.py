"""The function that deploys, put up beside the pipeline: its code, its role, and the events that call it."""

import json
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from pipelines.config import Config
from pipelines.roles import put_deploy_role
from pipelines.stack.code import HANDLERS, archive, function_files
from pipelines.target import Target
from steps.deploy.settings import DeploySettings
from steps.deploy.wishes import Wishes

RUNTIME = "python3.12"
TIMEOUT_SECONDS = 300
MEMORY_MB = 256
ROLE_SECONDS = 60.0  # until Lambda may take a role that has just been made
POLL_SECONDS = 2.0


def wishes_of(config: Config, deploy: DeploySettings) -> Wishes:
    """What the function is told."""
    own = deploy.model_dump(include=set(Wishes.__dataclass_fields__))
    capture = f"s3://{config.bucket}/{config.name}/captured"
    return Wishes(group=config.register_.group, model_role=config.role, capture_uri=capture, **own)


def put_function(target: Target, config: Config, deploy: DeploySettings, report: Callable[[str], None]) -> None:
    """Create or update the function, its role, and the rules that call it.

    The rules: somebody decided on a model package of the group; the endpoint has come to rest. Doing this again changes
    nothing, unless the code or the settings have changed.

    Args:
        target: where to.
        config: the configuration, placed in the target.
        deploy: its part on the deployment.
        report: told in a line what was done.
    """
    put_deploy_role(target, config, deploy)
    _put_code(target.client("lambda"), deploy, wishes_of(config, deploy).to_environment(), report)
    approval = {"ModelPackageGroupName": [config.register_.group], "ModelApprovalStatus": ["Approved", "Rejected"]}
    rest = {"EndpointName": [deploy.endpoint], "EndpointStatus": ["IN_SERVICE", "FAILED", "UPDATE_ROLLBACK_FAILED"]}
    _put_rule(target, deploy, f"{config.name}-decisions", "SageMaker Model Package State Change", approval)
    _put_rule(target, deploy, f"{config.name}-endpoint", "SageMaker Endpoint State Change", rest)


def _put_code(
    functions: Any, deploy: DeploySettings, environment: dict[str, str], report: Callable[[str], None]
) -> None:
    name, code = deploy.function.rpartition(":")[2], archive(function_files())
    settings = {
        "FunctionName": name,
        "Role": deploy.function_role,
        "Handler": HANDLERS["deploy"],
        "Runtime": RUNTIME,
        "Timeout": TIMEOUT_SECONDS,
        "MemorySize": MEMORY_MB,
        "Environment": {"Variables": environment},
        "Description": "Puts the latest approved model live",
    }
    try:
        functions.get_function_configuration(FunctionName=name)
    except functions.exceptions.ResourceNotFoundException:
        _once_the_role_is_known(lambda: functions.create_function(**settings, Code={"ZipFile": code}))
        report(f"created the function {name}")
    else:
        functions.update_function_code(FunctionName=name, ZipFile=code)
        functions.get_waiter("function_updated_v2").wait(FunctionName=name)
        functions.update_function_configuration(**settings)
    functions.get_waiter("function_active_v2").wait(FunctionName=name)


def _once_the_role_is_known(call: Callable[[], object]) -> None:
    """Repeat a call while Lambda refuses a role that IAM has only just made."""
    deadline = time.monotonic() + ROLE_SECONDS
    while True:
        try:
            call()
        except ClientError as error:
            refusal = error.response["Error"]
            young = refusal.get("Code") == "InvalidParameterValueException" and "assumed" in refusal.get("Message", "")
            if not young or time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
        else:
            return


def _put_rule(target: Target, deploy: DeploySettings, name: str, detail_type: str, detail: dict[str, Any]) -> None:
    events, functions = target.client("events"), target.client("lambda")
    pattern = {"source": ["aws.sagemaker"], "detail-type": [detail_type], "detail": detail}
    rule = events.put_rule(Name=name, EventPattern=json.dumps(pattern), Description="Calls the deploying function")
    events.put_targets(Rule=name, Targets=[{"Id": "deploy", "Arn": deploy.function}])
    function = deploy.function.rpartition(":")[2]
    try:
        known = json.loads(functions.get_policy(FunctionName=function)["Policy"])["Statement"]
    except functions.exceptions.ResourceNotFoundException:
        known = []
    if name not in {statement.get("Sid") for statement in known}:
        functions.add_permission(
            FunctionName=function,
            StatementId=name,
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=rule["RuleArn"],
        )

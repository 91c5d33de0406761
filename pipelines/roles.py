"""The role of the function that deploys: what it may do, and nothing else."""

import json
from typing import Any

from pipelines.config import Config
from pipelines.target import Target
from steps.deploy.settings import DeploySettings

POLICY = "deploy"
SAGEMAKER_CALLS = (
    "AddTags",
    "CreateEndpoint",
    "CreateEndpointConfig",
    "CreateModel",
    "DeleteEndpoint",
    "DescribeEndpoint",
    "DescribeEndpointConfig",
    "DescribeModelPackage",
    "ListTags",
    "UpdateEndpoint",
    "UpdateEndpointWeightsAndCapacities",
)


def put_deploy_role(target: Target, config: Config, deploy: DeploySettings) -> None:
    """Make the role where there is none, and give it its policy; a role that has it already is only read."""
    iam = target.client("iam")
    name = deploy.function_role.rpartition("/")[2]
    wanted = policy(target, config, deploy)
    try:
        iam.get_role(RoleName=name)
    except iam.exceptions.NoSuchEntityException:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_trust()))
    try:
        known = iam.get_role_policy(RoleName=name, PolicyName=POLICY)["PolicyDocument"]
    except iam.exceptions.NoSuchEntityException:
        known = None
    if known != wanted:
        iam.put_role_policy(RoleName=name, PolicyName=POLICY, PolicyDocument=json.dumps(wanted))


def policy(target: Target, config: Config, deploy: DeploySettings) -> dict[str, Any]:
    """What the function may do: its own endpoint, its group's packages, its alarms, its log."""
    arn = f"arn:{target.partition}"
    own = f"{target.region}:{target.account}"
    function = deploy.function.rpartition(":")[2]
    name = deploy.endpoint
    named = [f"endpoint/{name}", f"endpoint-config/{name}-v*", f"model/{name}-v*"]
    group = f"model-package/{config.register_.group}/*"
    statements = [
        _allow(
            [f"sagemaker:{call}" for call in SAGEMAKER_CALLS],
            [f"{arn}:sagemaker:{own}:{each}" for each in (*named, group)],
        ),
        _allow(["sagemaker:ListModelPackages"], ["*"]),  # takes no resource
        _allow([f"cloudwatch:{call}" for call in ("DeleteAlarms", "DescribeAlarms", "PutMetricAlarm")], ["*"]),
        _allow(
            ["application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScalingPolicy"],
            ["*"],
        ),
        _allow(["s3:GetObject"], [f"{arn}:s3:::{config.bucket}/{config.name}/executions/*"]),
        _allow(["iam:PassRole"], [config.role], StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"}),
        _allow(
            ["iam:CreateServiceLinkedRole"],
            [f"{arn}:iam::{target.account}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/*"],
        ),
        _allow(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            [f"{arn}:logs:{own}:log-group:/aws/lambda/{function}*"],
        ),
    ]
    if deploy.kms_key:
        statements.append(_allow(["kms:CreateGrant", "kms:DescribeKey"], ["*"]))
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(actions: list[str], resources: list[str], **condition: dict[str, str]) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement


def _trust() -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}

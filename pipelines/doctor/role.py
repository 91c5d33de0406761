"""The roles that SageMaker takes: they are there, trust SageMaker, and may do what pipeline and jobs need."""

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.aws_errors import explain_aws_error
from pipelines.config import Config
from pipelines.doctor.finding import Finding, ok, skipped, to_do
from pipelines.target import Target

SERVICE = "sagemaker.amazonaws.com"
OBJECT_ACTIONS = ("s3:GetObject", "s3:PutObject")
LOG_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")


def check_role(target: Target, config: Config) -> Iterator[Finding]:
    """The roles of pipeline and jobs exist, SageMaker may take them, and they may do what an execution begins with."""
    iam = target.client("iam")
    for arn in dict.fromkeys((config.role, config.jobs_role)):
        name = arn.rpartition("/")[2]
        try:
            role = iam.get_role(RoleName=name)["Role"]
        except iam.exceptions.NoSuchEntityException:
            yield to_do(
                "role", f"there is no role {name}: `make deploy-stack` creates it, or name another in the preset"
            )
            return
        if not _trusts_sagemaker(role["AssumeRolePolicyDocument"]):
            yield to_do("role", f"{name} does not trust {SERVICE}: add it to the role's trust policy")
            return
        yield ok("role", f"{name} exists and trusts {SERVICE}")
    yield _rights(target, iam, config)


def _questions(target: Target, config: Config) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """What every execution begins with: who, what, on what; the rest of the rights shows in the stack's template."""
    bucket, own = f"arn:{target.partition}:s3:::{config.bucket}", f"{target.region}:{target.account}"
    yield config.jobs_role, OBJECT_ACTIONS, f"{bucket}/{config.name}/any"
    yield config.jobs_role, ("s3:ListBucket",), bucket
    yield config.jobs_role, ("ecr:GetAuthorizationToken",), "*"
    yield config.jobs_role, LOG_ACTIONS, f"arn:{target.partition}:logs:{own}:log-group:/aws/sagemaker/any"
    for kind, action in (("processing-job", "CreateProcessingJob"), ("training-job", "CreateTrainingJob")):
        yield config.role, (f"sagemaker:{action}",), f"arn:{target.partition}:sagemaker:{own}:{kind}/pipelines-any"


def _trusts_sagemaker(document: Any) -> bool:
    policy = json.loads(document) if isinstance(document, str) else document
    return any(
        statement.get("Effect") == "Allow"
        and "sts:AssumeRole" in _as_list(statement.get("Action"))
        and SERVICE in _as_list(_services(statement.get("Principal")))
        for statement in _as_list(policy.get("Statement"))
    )


def _services(principal: Any) -> Any:
    return principal.get("Service") if isinstance(principal, dict) else principal


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _rights(target: Target, iam: Any, config: Config) -> Finding:
    """What IAM itself thinks that the role may do; not everyone may ask it."""
    denied: list[str] = []
    try:
        for role, actions, resource in _questions(target, config):
            pages = iam.get_paginator("simulate_principal_policy").paginate(
                PolicySourceArn=role, ActionNames=list(actions), ResourceArns=[resource]
            )
            answers = (answer for page in pages for answer in page["EvaluationResults"])
            name = role.rpartition("/")[2]
            denied += [f"{name}: {each['EvalActionName']}" for each in answers if each["EvalDecision"] != "allowed"]
    except (ClientError, BotoCoreError) as error:
        return skipped("role's rights", f"IAM does not tell: {explain_aws_error(error)}")
    if denied:
        told = ", ".join(dict.fromkeys(denied))
        return to_do("role's rights", f"these may not do what they need, {told}: allow it, or `make deploy-stack`")
    return ok("role's rights", "what an execution begins with is allowed")

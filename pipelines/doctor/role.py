"""The role that SageMaker takes: it is there, trusts SageMaker, and may do what the jobs need."""

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
BUCKET_ACTIONS = ("s3:ListBucket",)
GENERAL_ACTIONS = (
    "ecr:GetAuthorizationToken",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
)
"""What every execution begins with; the rest of the role's rights shows in the stack's template."""


def check_role(target: Target, config: Config) -> Iterator[Finding]:
    """The role exists, SageMaker may take it, and its policies allow what an execution begins with."""
    iam = target.client("iam")
    name = config.role.rpartition("/")[2]
    try:
        role = iam.get_role(RoleName=name)["Role"]
    except iam.exceptions.NoSuchEntityException:
        yield to_do("role", f"there is no role {name}: `make deploy-stack` creates it, or name another in the preset")
        return
    if not _trusts_sagemaker(role["AssumeRolePolicyDocument"]):
        yield to_do("role", f"{name} does not trust {SERVICE}: add it to the role's trust policy")
        return
    yield ok("role", f"{name} exists and trusts {SERVICE}")
    yield _rights(target, iam, config)


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
    bucket = f"arn:{target.partition}:s3:::{config.bucket}"
    questions = ((OBJECT_ACTIONS, f"{bucket}/{config.name}/any"), (BUCKET_ACTIONS, bucket), (GENERAL_ACTIONS, "*"))
    denied: list[str] = []
    try:
        for actions, resource in questions:
            pages = iam.get_paginator("simulate_principal_policy").paginate(
                PolicySourceArn=config.role, ActionNames=list(actions), ResourceArns=[resource]
            )
            answers = (answer for page in pages for answer in page["EvaluationResults"])
            denied += [each["EvalActionName"] for each in answers if each["EvalDecision"] != "allowed"]
    except (ClientError, BotoCoreError) as error:
        return skipped("role's rights", f"IAM does not tell: {explain_aws_error(error)}")
    if denied:
        return to_do("role's rights", f"{config.role} may not do {', '.join(denied)}: allow it, or `make deploy-stack`")
    return ok("role's rights", "what an execution begins with is allowed")

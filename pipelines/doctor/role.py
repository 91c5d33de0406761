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
Rights = dict[str, tuple[str, ...]]
"""Actions by the ARN that they are on."""


def check_role(target: Target, config: Config) -> Iterator[Finding]:
    """The roles of pipeline and jobs exist, SageMaker may take them, and they may do what an execution begins with."""
    own = f"{target.region}:{target.account}"
    jobs = f"arn:{target.partition}:sagemaker:{own}"
    bucket = f"arn:{target.partition}:s3:::{config.bucket}"
    # Named as SageMaker names what a pipeline makes; the rest of the rights shows in the stack's template.
    of_pipeline = {
        f"{jobs}:processing-job/pipelines-any": ("sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob"),
        f"{jobs}:training-job/pipelines-any": ("sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob"),
        config.jobs_role: ("iam:PassRole",),
    }
    of_jobs = {
        bucket: ("s3:ListBucket",),
        f"{bucket}/{config.name}/any": ("s3:GetObject", "s3:PutObject"),
        f"arn:{target.partition}:logs:{own}:log-group:/aws/sagemaker/any": (
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ),
        "*": ("ecr:GetAuthorizationToken",),
    }
    yield from _check(target, "role", config.role, of_pipeline)
    yield from _check(target, "jobs' role", config.jobs_role, of_jobs)


def _check(target: Target, about: str, arn: str, rights: Rights) -> Iterator[Finding]:
    iam = target.client("iam")
    name = arn.rpartition("/")[2]
    try:
        role = iam.get_role(RoleName=name)["Role"]
    except iam.exceptions.NoSuchEntityException:
        yield to_do(about, f"there is no role {name}: `make deploy-stack` creates it, or name another in the preset")
        return
    if not _trusts_sagemaker(role["AssumeRolePolicyDocument"]):
        yield to_do(about, f"{name} does not trust {SERVICE}: add it to the role's trust policy")
        return
    yield ok(about, f"{name} exists and trusts {SERVICE}")
    yield _rights(iam, f"rights of {about}", arn, rights)


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


def _rights(iam: Any, about: str, arn: str, rights: Rights) -> Finding:
    """What IAM itself thinks that the role may do; not everyone may ask it."""
    denied: list[str] = []
    context = [
        {"ContextKeyName": "iam:PassedToService", "ContextKeyType": "string", "ContextKeyValues": [SERVICE]},
    ]
    try:
        for resource, actions in rights.items():
            pages = iam.get_paginator("simulate_principal_policy").paginate(
                PolicySourceArn=arn, ActionNames=list(actions), ResourceArns=[resource], ContextEntries=context
            )
            answers = (answer for page in pages for answer in page["EvaluationResults"])
            denied += [each["EvalActionName"] for each in answers if each["EvalDecision"] != "allowed"]
    except (ClientError, BotoCoreError) as error:
        return skipped(about, f"IAM does not tell: {explain_aws_error(error)}")
    if denied:
        names = ", ".join(dict.fromkeys(denied))
        return to_do(about, f"{arn} may not do {names}: allow it, or run `make deploy-stack` again")
    return ok(about, "what an execution begins with is allowed")

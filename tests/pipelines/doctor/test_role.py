import json
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.config import Config
from pipelines.doctor.role import check_role
from pipelines.target import Target


def named(config: Config, name: str) -> Config:
    arn = f"arn:aws:iam::123456789012:role/{name}"
    return config.model_copy(update={"role": arn, "jobs_role": arn})


def test_a_role_that_does_not_exist_is_to_be_made(target: Target, config: Config, only_to_do: Any) -> None:
    first, _ = check_role(target, named(config, "nobody"))
    assert "there is no role nobody: `make deploy-stack` creates it" in only_to_do([first])


def test_a_role_that_trusts_another_service_is_told(
    target: Target, config: Config, only_to_do: Any, make_role: Callable[..., None]
) -> None:
    make_role("for-lambda", "lambda.amazonaws.com")
    first, _ = check_role(target, named(config, "for-lambda"))
    assert "for-lambda does not trust sagemaker.amazonaws.com" in only_to_do([first])


def role_answer(name: str) -> str:
    trust = {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": ["events.amazonaws.com", "sagemaker.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    }
    return (
        f"<Role><Path>/</Path><RoleName>{name}</RoleName><RoleId>x</RoleId><Arn>arn:aws:iam::123456789012:role/{name}"
        f"</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>{json.dumps(trust)}"
        "</AssumeRolePolicyDocument></Role>"
    )


def evaluations(*decisions: tuple[str, str]) -> str:
    members = "".join(
        f"<member><EvalActionName>{action}</EvalActionName><EvalDecision>{decision}</EvalDecision></member>"
        for action, decision in decisions
    )
    return f"<EvaluationResults>{members}</EvaluationResults><IsTruncated>false</IsTruncated>"


@pytest.mark.parametrize(
    ("decision", "state", "told"),
    [
        ("allowed", "ok", "what an execution begins with is allowed"),
        ("implicitDeny", "to do", "worker may not do s3:PutObject"),
        ("explicitDeny", "to do", "worker may not do s3:PutObject"),
    ],
)
def test_what_iam_says_of_the_roles_rights_is_passed_on(
    target: Target, config: Config, answers: Any, judged: Any, decision: str, state: str, told: str
) -> None:
    results = evaluations(("s3:GetObject", "allowed"), ("s3:PutObject", decision))
    # One body serves both calls: each reads what it knows.
    rights = f"<SimulatePrincipalPolicyResult>{results}</SimulatePrincipalPolicyResult>"
    body = f"<Any><GetRoleResult>{role_answer('worker')}</GetRoleResult>{rights}</Any>"
    answers.say(200, "text/xml", body.encode())
    found = judged(check_role(target, named(config, "worker")))
    assert [(about, how) for about, how, _ in found] == [
        ("role", "ok"),
        ("rights of role", state),
        ("jobs' role", "ok"),
        ("rights of jobs' role", state),
    ]
    assert told in found[1][2]


def test_rights_that_iam_does_not_tell_are_left_out(
    target: Target,
    config: Config,
    judged: Any,
    make_role: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    refused: Any,
) -> None:
    make_role("trusted")
    iam = target.client("iam")
    monkeypatch.setattr(type(target), "client", lambda *_: iam)
    refused(iam, "iam", "SimulatePrincipalPolicy", "AccessDenied")
    found = judged(check_role(target, named(config, "trusted")))
    assert [how for _, how, _ in found] == ["ok", "skipped"] * 2
    assert "IAM does not tell: SimulatePrincipalPolicy was denied" in found[1][2]

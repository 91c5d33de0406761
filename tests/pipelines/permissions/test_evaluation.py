"""The evaluation of policies decides as IAM does."""

from typing import Any

import pytest

READ = {"Effect": "Allow", "Action": ["s3:Get*", "s3:ListBucket"], "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]}
DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::b/secret/*"}
PASS = {
    "Effect": "Allow",
    "Action": "iam:PassRole",
    "Resource": "arn:aws:iam::1:role/jobs",
    "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
}
TO_SAGEMAKER = {"iam:PassedToService": "sagemaker.amazonaws.com"}


@pytest.mark.parametrize(
    ("action", "resource", "context", "allowed"),
    [
        ("s3:GetObject", "arn:aws:s3:::b/k", {}, True),
        ("s3:getobject", "arn:aws:s3:::b/k", {}, True),
        ("s3:PutObject", "arn:aws:s3:::b/k", {}, False),
        ("s3:GetObject", "arn:aws:s3:::other/k", {}, False),
        ("s3:GetObject", "arn:aws:s3:::b/secret/k", {}, False),
        ("s3:GetObject", "arn:aws:s3:::b/[k]", {}, True),
        ("iam:PassRole", "arn:aws:iam::1:role/jobs", TO_SAGEMAKER, True),
        ("iam:PassRole", "arn:aws:iam::1:role/jobs", {}, False),
        ("iam:PassRole", "arn:aws:iam::1:role/jobs", {"iam:PassedToService": "ec2.amazonaws.com"}, False),
        ("iam:PassRole", "arn:aws:iam::1:role/other", TO_SAGEMAKER, False),
    ],
)
def test_a_denial_wins_and_conditions_have_to_hold(
    policies: Any, need: Any, action: str, resource: str, context: dict[str, str], *, allowed: bool
) -> None:
    found = policies({"Statement": [READ, PASS]}, {"Statement": DENY})
    assert found.allow(need(action, resource, context)) == allowed


def test_a_call_needs_what_the_service_authorisation_reference_says(needs: Any, need: Any) -> None:
    head = {"service": "s3", "operation": "HeadObject", "resources": {"Bucket": "b", "Key": "k"}, "roles": []}
    assert list(needs(head)) == [need("s3:GetObject", "arn:aws:s3:::b/k")]
    role = "arn:aws:iam::123456789012:role/jobs"
    create = {"service": "sagemaker", "operation": "CreateModel", "resources": {"ModelName": "m"}, "roles": [role]}
    assert list(needs(create)) == [
        need("sagemaker:CreateModel", "arn:aws:sagemaker:us-east-1:123456789012:model/m"),
        need("iam:PassRole", role, TO_SAGEMAKER),
    ]
